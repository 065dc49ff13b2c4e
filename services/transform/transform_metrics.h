#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/dead_letter.h"
#include "model/ids.h"
#include "operators/batch_transform.h"
#include "protocol/batch_codec.h"
#include "stage/dead_letter_counters.h"
#include "stage/output_metrics.h"
#include "stage/output_stream.h"
#include "state/key_store.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace penstock::transform {

/// All that a transform says about itself: one method an event, moving its counters and writing
/// its log line together. Thread-safe; called once a message, not once a row.
class TransformMetrics {
 public:
  TransformMetrics(Metrics& metrics, std::span<const ShardId> shards, const std::string& source_id);

  /// A message was read from a shard's input.
  void Read(const protocol::Envelope& envelope, std::size_t bytes);
  /// Its output is published, with so many rows.
  void Transformed(const operators::BatchTransform::Output& output, std::uint64_t rows);
  /// It is left to the next owner of its shard.
  void LetGo(const protocol::Envelope& envelope);
  /// What the output of a shard tells.
  stage::OutputStream::Reports OutputReports(ShardId shard) { return output_.Reports(shard); }
  void PublishRefused(ShardId shard, const Error& error) { output_.Refused(shard, error); }
  void DeadLettered(const std::vector<DeadLetter>& letters);
  /// Something does not answer; it is asked again.
  void Waits(ShardId shard, const Error& error) { output_.Waits(shard, error); }
  /// The disk does not take new keys; it is tried again.
  void StoreFailed(ShardId shard, const Error& error);
  /// What a shard's store holds, about once a second.
  void Store(ShardId shard, const state::KeyStore::Stats& stats);
  /// The store on disk was damaged and is made from the key log again.
  void StoreDamaged(ShardId shard, const Error& error);
  /// The store has been brought up to the end of the key log.
  void Rebuilt(ShardId shard, Clock::Duration took);
  /// Neither a key log nor a store: dedup has forgotten the shard's window.
  void StateLost(ShardId shard);
  /// Another process has the shard now.
  void GivenUp(ShardId shard);

 private:
  struct StoreGauges {
    Gauge keys;
    Gauge disk_bytes;
    Gauge memory_bytes;
    Gauge page_reads;
  };

  Counter rows_in_;
  Counter bytes_in_;
  Counter rows_out_;
  Counter filtered_;
  Counter duplicate_;
  Counter let_go_;
  stage::DeadLetterCounters dead_lettered_;
  Gauge in_flight_;
  stage::OutputMetrics output_;
  Counter store_failures_;
  Counter store_damaged_;
  Counter state_lost_;
  Histogram rebuild_seconds_;
  std::map<ShardId, StoreGauges> stores_;
  LogEvery log_;
  Metrics::Collector account_;
};

}  // namespace penstock::transform
