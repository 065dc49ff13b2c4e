#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "stage/output_stream.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace penstock::stage {

/// What a stage between ingestor and sink says of its streams: counters of what it publishes, and
/// of what JetStream does not take or answer, with their log lines. Thread-safe.
class OutputMetrics {
 public:
  /// `stage` is part of the names: "transform".
  OutputMetrics(Metrics& metrics, const std::string& stage);

  /// What the output of a shard tells.
  OutputStream::Reports Reports(ShardId shard);
  /// JetStream did not take a message; it is sent again.
  void Refused(ShardId shard, const Error& error);
  /// Something does not answer; it is asked again.
  void Waits(ShardId shard, const Error& error);

 private:
  void Published(std::size_t bytes, Clock::Duration took);

  Counter bytes_out_;
  Histogram publish_seconds_;
  Counter refused_full_;
  Counter refused_other_;
  Counter waits_;
  LogEvery log_;
};

}  // namespace penstock::stage
