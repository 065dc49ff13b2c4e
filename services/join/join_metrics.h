#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/dead_letter.h"
#include "model/ids.h"
#include "model/plan.h"
#include "operators/batch_join.h"
#include "stage/dead_letter_counters.h"
#include "stage/output_metrics.h"
#include "stage/output_stream.h"
#include "state/row_store.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace penstock::join {

/// All that a join says about itself: one method an event, moving its counters and writing its log
/// line together. Thread-safe; called once a message, not once a row.
class JoinMetrics {
 public:
  JoinMetrics(Metrics& metrics, std::span<const ShardId> shards);

  void Read(Side side, std::size_t bytes);
  /// A message has been taken in, and what came of it is published with so many rows.
  void Joined(std::optional<Side> side, const operators::BatchJoin::Output& output,
              std::uint64_t rows);
  /// Left rows whose window ended, that are not sent.
  void Expired(std::uint64_t rows);
  /// What the output of a shard tells.
  stage::OutputStream::Reports OutputReports(ShardId shard) { return output_.Reports(shard); }
  void DeadLettered(const std::vector<DeadLetter>& letters);
  /// Something does not answer; it is asked again.
  void Waits(ShardId shard, const Error& error) { output_.Waits(shard, error); }
  void StoreFailed(ShardId shard, const Error& error);
  /// The store on disk was damaged and is made from the kept messages again.
  void StoreDamaged(ShardId shard, const Error& error);
  /// The messages since the store's own position, or all that are kept, have been taken in again.
  void CaughtUp(ShardId shard, Clock::Duration took);
  /// A side's stream was replaced, and the store did not have all of it.
  void StateLost(ShardId shard, Side side);
  /// Another process has the shard now.
  void GivenUp(ShardId shard);

  struct ShardView {
    state::RowStore::Stats store;
    std::optional<std::int64_t> left_ms;  ///< How far the sides' time has come.
    std::optional<std::int64_t> right_ms;
    std::int64_t now_ms = 0;
  };
  /// How a shard stands, about once a second.
  void Show(ShardId shard, const ShardView& view);

 private:
  struct OfSide {
    Counter rows_in;
    Counter bytes_in;
    Counter replayed;
    Counter refused;
  };
  struct ShardGauges {
    std::array<Gauge, 2> rows;
    std::array<Gauge, 2> bytes;
    std::array<Gauge, 2> lag_seconds;
    Gauge disk_bytes;
    Gauge skew_seconds;
  };

  std::array<OfSide, 2> sides_;
  Counter rows_out_;
  Counter matched_;
  Counter unmatched_;
  Counter expired_;
  Counter filtered_;
  stage::DeadLetterCounters dead_lettered_;
  Histogram wait_seconds_;
  stage::OutputMetrics output_;
  Counter store_failures_;
  Counter store_damaged_;
  Counter state_lost_;
  Histogram rebuild_seconds_;
  std::map<ShardId, ShardGauges> shards_;
  LogEvery log_;
};

}  // namespace penstock::join
