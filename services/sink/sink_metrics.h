#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/dead_letter.h"
#include "model/ids.h"
#include "sink/block.h"
#include "sink/table_writer.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace penstock::sink {

/// All that a sink says about itself: one method an event, moving its counters and writing its log
/// line together. Thread-safe; called once a message or block, not once a row.
class SinkMetrics {
 public:
  SinkMetrics(Metrics& metrics, const Clock& clock, std::size_t shards);

  /// A message was read from a shard's stream.
  void Read(const HeldMessage& message);
  void ReadFailed(ShardId shard, const Error& error);
  /// Records that the shard had confirmed before: seen again, of no effect.
  void Replayed(std::uint64_t records);
  void DeadLettered(const std::vector<DeadLetter>& letters);
  /// An insert was answered well.
  void Inserted(const PreparedBlock& block, Clock::Duration took);
  /// The block's rows can be queried now.
  void Latency(const PreparedBlock& block);
  /// The block is confirmed in the shard's record.
  void Confirmed(const Block& block);
  /// An insert, or what must come before it, did not go through: it is tried again.
  void Paused(const TableTrouble& trouble);
  /// The shard can do nothing until somebody acts.
  void ShardFailed(ShardId shard, const Error& error);
  /// What the table promises about repeated inserts.
  void Guarantee(bool exactly_once);

  /// A thread of the pool is at work while this lives.
  class [[nodiscard]] Busy {
   public:
    explicit Busy(const SinkMetrics& owner) : owner_(owner) { owner_.workers_busy_.Add(1); }
    ~Busy() { owner_.workers_busy_.Add(-1); }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    const SinkMetrics& owner_;
  };
  Busy Working() const { return Busy(*this); }

 private:
  const Clock& clock_;
  Counter rows_in_;
  Counter bytes_in_;
  Counter rows_out_;
  Counter filtered_;
  Counter duplicate_;
  Counter dead_lettered_before_;
  Counter replayed_;
  std::array<Counter, kDeadLetterReasons> dead_lettered_;
  Gauge in_flight_;
  Histogram insert_seconds_;
  Histogram block_rows_;
  Histogram block_bytes_;
  Counter inserts_ok_;
  Counter inserts_failed_;
  std::array<Counter, kPauseReasons> retries_;
  std::array<Gauge, kPauseReasons> paused_;
  Gauge workers_busy_;
  Gauge shards_owned_;
  Gauge exactly_once_;
  Histogram end_to_end_;
  Counter refused_sections_;
  Counter read_failures_;
  std::mutex mutex_;
  bool is_paused_ = false;  // Guarded by mutex_.
  LogEvery log_;
  LogEvery read_log_;
  Metrics::Collector account_;
};

}  // namespace penstock::sink
