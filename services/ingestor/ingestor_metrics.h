#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "ingestor/commit_tracker.h"
#include "model/dead_letter.h"
#include "model/ids.h"
#include "stage/dead_letter_counters.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace penstock::ingestor {

/// All that an ingestor says about itself: one method an event, moving its counters and writing
/// its log line together. Every series has the label `source`. Thread-safe; called once a chunk or
/// batch, not once a row.
class IngestorMetrics {
 public:
  IngestorMetrics(Metrics& metrics, const std::string& source_id, const std::string& topic);

  /// Records read from Kafka, with the bytes of their chunk.
  void Read(std::uint64_t records, std::uint64_t bytes);
  void DeadLettered(DeadLetterReason reason);
  /// A batch is acknowledged: its rows are JetStream's now.
  void Published(std::uint64_t rows, std::uint64_t bytes, Clock::Duration took);
  /// JetStream did not take a batch: full, or not there. It is sent again.
  void PublishRefused(ShardId shard, const Error& error);

  void Assigned(std::int32_t partition, Offset start);
  void Revoked(std::int32_t partition, bool lost);
  void Paused(bool paused, std::size_t partitions);
  void Committed(std::size_t partitions);
  void CommitRefused(const Error& error);
  /// The partition is read again from what is committed, since something of it was lost.
  void GoesBack(std::int32_t partition, Offset from, LossReason reason);
  /// A partition begins as another generation or incarnation than it had.
  void BeganAnew(std::int32_t partition, const Origin& origin, const std::string& why);
  /// The server did not tell of a stream.
  void StreamNotSeen(const std::string& stream, const Error& error);
  /// What the next owner has to know could not be written.
  void RecordNotWritten(std::int32_t partition, const Error& error);
  /// Kafka deleted records that nobody had read.
  void Expired(std::int32_t partition, std::uint64_t records);
  void Trouble(const Error& error);

  /// How far a partition is behind: its end against what is committed, which is what is in
  /// ClickHouse, and against what is read.
  void Lag(std::int32_t partition, std::uint64_t committed_lag, std::uint64_t read_lag);
  /// Records read and not put into a batch when their partition was taken away: they are read
  /// again by whoever owns it next.
  void Returned(std::uint64_t records) { returned_.Add(records); }
  /// Time that the workers had records but no room downstream.
  void Backpressure(Clock::Duration waited);

 private:
  Metrics& metrics_;
  const MetricLabels source_;
  const std::string topic_;
  Counter rows_in_;
  Counter bytes_in_;
  Counter rows_out_;
  Counter batches_out_;
  Counter bytes_out_;
  stage::DeadLetterCounters dead_lettered_;
  Histogram publish_seconds_;
  Counter refused_full_;
  Counter refused_other_;
  Counter rebalances_;
  Counter commits_;
  Counter commits_refused_;
  Counter expired_;
  std::array<Counter, kLossReasons> gone_back_;
  Counter began_anew_;
  Counter returned_;
  Counter backpressure_seconds_;
  Gauge paused_partitions_;
  Gauge assigned_partitions_;
  Gauge in_flight_;
  std::mutex mutex_;
  struct Lags {
    Gauge committed;
    Gauge read;
  };
  std::map<std::int32_t, Lags> lags_;  // Guarded by mutex_.
  double assigned_ = 0;                // Guarded by mutex_.
  LogEvery log_;
  Metrics::Collector account_;
};

}  // namespace penstock::ingestor
