#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "clickhouse/table.h"
#include "model/dead_letter.h"
#include "model/ids.h"
#include "sink/block.h"
#include "sink/table_writer.h"
#include "stage/dead_letter_counters.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace penstock::sink {

/// Why no insert goes through: a closed list, the label of penstock_sink_paused.
enum class PauseReason : std::uint8_t {
  kTransient,
  kPressure,
  kCapacity,
  kSchema,
  kAccess,
  kRows,  ///< Many rows of a block are refused: its pieces wait so as not to flood the server.
};
inline constexpr std::size_t kPauseReasons = 6;

constexpr std::string_view ToText(PauseReason reason) {
  constexpr std::string_view kNames[kPauseReasons] = {"transient", "pressure", "capacity",
                                                      "schema",    "access",   "rows"};
  return kNames[static_cast<std::size_t>(reason)];
}
PauseReason ReasonOf(clickhouse::ErrorClass error_class);

/// All that a sink says about itself: one method an event, moving its counters and writing its log
/// line together. Thread-safe; called once a message or block, not once a row.
class SinkMetrics {
 public:
  SinkMetrics(Metrics& metrics, const Clock& clock);

  /// A message was read from a shard's stream. How many records it has.
  std::uint64_t Read(const HeldMessage& message);
  void ReadFailed(ShardId shard, const Error& error);
  /// Records that the shard had confirmed before: seen again, of no effect.
  void Replayed(std::uint64_t records);
  /// Records that were read are left to the next owner of their shard.
  void LetGo(std::uint64_t records);
  void DeadLettered(const std::vector<DeadLetter>& letters);
  /// An insert was answered well.
  void Inserted(const PreparedBlock& block, Clock::Duration took);
  /// The block's rows can be queried now.
  void Latency(const PreparedBlock& block);
  /// The block is confirmed in the shard's record.
  void Confirmed(const Block& block);
  /// An insert was refused, or its answer did not come.
  void InsertFailed(const TableTrouble& trouble);
  /// What must come before an insert did not go through.
  void Refused(const TableTrouble& trouble);
  /// A block, or a piece of one, goes in smaller pieces from now on.
  void SplitBlock(SplitKind kind);
  /// The server could not say which partitions the rows of a block belong to.
  void PartitionsUnknown(const TableTrouble& trouble);
  /// Rows that may be in the table are sent again under other tokens.
  void PossibleRepeats(std::size_t rows);
  /// The table says that it has an insert whose rows it has not: they are sent again.
  void RowsLost(std::size_t rows);
  /// Whether that is so cannot be found out.
  void LossUnknown(const TableTrouble& trouble);
  /// Blocks are this much larger than the document says.
  void BlockScale(double scale);
  /// A section is left out; its rows come again from Kafka.
  void SectionRefused(ShardId shard, const Error& error);
  /// An open intent whose rows the stream does not have any more.
  void IntentGivenUp(ShardId shard, const Intent& intent);
  /// What the table promises about repeated inserts.
  void Guarantee(bool exactly_once);

  /// At which pace the table gets parts, and how long it remembers their tokens.
  void Pace(double parts_per_second, const clickhouse::TokenMemory& memory);

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

  /// A block that cannot be inserted for a while. One owner thread.
  class [[nodiscard]] Waiting {
   public:
    explicit Waiting(SinkMetrics& owner) : owner_(owner) {}
    ~Waiting() { End(); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    /// It waits for that from now on.
    void For(const TableTrouble& trouble);
    /// Between its pieces, since many rows are refused.
    void ForRows(const TableTrouble& last, Clock::Duration wait);
    void End();

   private:
    void Count(PauseReason reason);

    SinkMetrics& owner_;
    std::optional<PauseReason> reason_;
  };

 private:
  void CountWaiting(PauseReason reason, int change);

  const Clock& clock_;
  Counter rows_in_;
  Counter bytes_in_;
  Counter rows_out_;
  Counter filtered_;
  Counter duplicate_;
  Counter dead_lettered_before_;
  Counter replayed_;
  Counter let_go_;
  stage::DeadLetterCounters dead_lettered_;
  Gauge in_flight_;
  Histogram insert_seconds_;
  Histogram block_rows_;
  Histogram block_bytes_;
  Counter inserts_ok_;
  Counter inserts_failed_;
  std::array<Counter, clickhouse::kErrorClasses> retries_;
  Counter splits_by_rows_;
  Counter splits_by_partitions_;
  Counter possible_repeats_;
  Counter rows_lost_;
  Counter intents_given_up_;
  Gauge block_scale_;
  std::array<Gauge, kPauseReasons> paused_;
  Gauge workers_busy_;
  Gauge exactly_once_;
  Gauge parts_per_second_;
  Gauge window_seconds_;
  bool window_enough_ = true;  // As was said last; of the one thread that measures.
  Histogram end_to_end_;
  Counter refused_sections_;
  Counter read_failures_;
  std::mutex mutex_;
  std::array<int, kPauseReasons> waiting_{};  // Blocks, by reason. Guarded by mutex_.
  LogEvery log_;
  LogEvery read_log_;
  Metrics::Collector account_;
};

}  // namespace penstock::sink
