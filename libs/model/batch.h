#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/column.h"
#include "model/ids.h"

namespace penstock {

/// What became of a record so far. Values travel: they are for ever.
enum class Outcome : std::uint8_t {
  kRow = 0,
  kFiltered = 1,
  kDuplicate = 2,
  kDeadLetter = 3,
};
inline constexpr std::size_t kOutcomes = 4;

/// `count` records at consecutive offsets that share an outcome.
struct RecordRun {
  Offset first;
  std::uint32_t count = 0;
  Outcome outcome = Outcome::kRow;

  friend bool operator==(const RecordRun&, const RecordRun&) = default;
};

/// All records of one origin and one shard with offsets in (after, last], in order. The rows
/// of a batch follow its sections: first the kRow records of the first section, and so on.
struct Section {
  Origin origin;
  Offset after{-1};
  Offset last{-1};
  /// Kafka's committed offset (the next to read) that the ingestor knew: everything below is
  /// accounted for in ClickHouse.
  Offset committed{0};
  /// The birth of the sink's record that the ingestor knew; see ShardRecord.
  std::uint64_t birth = 0;
  /// In front of a join: what comes later of this origin is not expected to be older than this, by
  /// Kafka's time. Empty: nothing is known yet.
  std::optional<std::int64_t> clock_ms{};
  std::vector<RecordRun> runs;

  /// Adds one record; offsets must grow.
  void Add(Offset offset, Outcome outcome) {
    if (!runs.empty() && runs.back().outcome == outcome &&
        runs.back().first.rep() + runs.back().count == offset.rep()) {
      ++runs.back().count;
    } else {
      runs.push_back({offset, 1, outcome});
    }
    last = offset;
  }
  std::size_t Count(Outcome outcome) const {
    std::size_t count = 0;
    for (const RecordRun& run : runs) count += run.outcome == outcome ? run.count : 0;
    return count;
  }
  std::size_t rows() const { return Count(Outcome::kRow); }

  /// The offset of the section's `row`-th kRow record, from 0; `last` beyond the end.
  Offset OffsetOfRow(std::size_t row) const {
    for (const RecordRun& run : runs) {
      if (run.outcome != Outcome::kRow) continue;
      if (row < run.count) return Offset(run.first.rep() + static_cast<std::int64_t>(row));
      row -= run.count;
    }
    return last;
  }
  /// How many kRow records come before `offset`.
  std::size_t RowsBefore(Offset offset) const {
    std::size_t rows = 0;
    for (const RecordRun& run : runs) {
      if (run.first >= offset) break;
      const auto below = static_cast<std::size_t>(offset.rep() - run.first.rep());
      if (run.outcome == Outcome::kRow) rows += below < run.count ? below : run.count;
    }
    return rows;
  }

  friend bool operator==(const Section&, const Section&) = default;
};

/// How far a stage has read a stream. `created_ns` and `digest` (the checksum of the message at
/// `seq`) tell a stream that was replaced by another one under the same name.
struct Position {
  std::int64_t created_ns = 0;
  StreamSeq seq{0};
  std::uint64_t digest = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

/// How far a join has taken in what one writer has sent of an origin.
struct TakenIn {
  struct Mark {
    Offset last{-1};                       ///< Every record up to here.
    std::optional<std::int64_t> clock_ms;  ///< The origin's progress of time; empty: not known.
    std::int64_t heard_ms = 0;             ///< When its last batch was made.
    friend bool operator==(const Mark&, const Mark&) = default;
  };
  Origin origin;
  ShardId writer;  ///< Whose messages: the join's own shard, unless a transform shuffles.
  Mark now;
  /// As it was before the side's `kept_from`: no record up to here waits for a partner any more, or
  /// can be one.
  Mark settled;
  friend bool operator==(const TakenIn&, const TakenIn&) = default;
};

/// How far a join has come with the stream of one side.
struct JoinSideProgress {
  Position position;       ///< The last message that is taken in.
  StreamSeq kept_from{1};  ///< Messages before this are not needed any more, not even to rebuild.
  std::int64_t newest_ms = 0;  ///< The latest time of a row that was taken in; 0: none was.
  /// How far the side's time has come; empty: not known. And as it was before `kept_from`.
  std::optional<std::int64_t> time_ms{};
  std::optional<std::int64_t> settled_time_ms{};
  std::vector<TakenIn> taken;  ///< Sorted by origin and writer.
  friend bool operator==(const JoinSideProgress&, const JoinSideProgress&) = default;
};

/// What a join's output says of its inputs. Its rows are records of an origin of its own, whose
/// offsets are the join's steps.
struct JoinCheckpoint {
  JoinSideProgress left;
  JoinSideProgress right;
  /// Left rows older than this without a partner have been sent.
  std::optional<std::int64_t> unmatched_sent_before_ms{};
  /// Not 0: what comes next begins with so many steps that are in the output already, of the next
  /// message of the left or the right side, or of the next unmatched rows.
  std::uint64_t steps_of_next = 0;
  enum class Next : std::uint8_t { kLeft, kRight, kUnmatched };
  Next next = Next::kLeft;
  friend bool operator==(const JoinCheckpoint&, const JoinCheckpoint&) = default;
};

/// The origin of what the join makes in a shard.
inline Origin JoinOrigin(ShardId shard) {
  return {.source_id = "join",
          .topic = "",
          .partition = static_cast<std::int32_t>(shard.rep()),
          .generation = 1,
          .incarnation = 1};
}

/// What identifies the writer's idea of the data: a reader with another one must stop.
struct Fingerprints {
  std::uint64_t pipeline = 0;
  std::uint64_t schema = 0;
  friend bool operator==(const Fingerprints&, const Fingerprints&) = default;
};

/// One message's worth of rows of one shard: plain data; the wire form is protocol's.
struct Batch {
  Fingerprints fingerprints;
  ShardId shard;
  std::int64_t created_ms = 0;
  /// Of a stage between ingestor and sink: how far it has read its own input.
  std::optional<Position> input;
  /// Of a join: how far it has read its inputs.
  std::optional<JoinCheckpoint> join{};
  /// Of a message that was shuffled: the shard that it comes from.
  std::optional<ShardId> writer{};
  std::vector<Section> sections;
  std::vector<std::int64_t> timestamps_ms;  ///< Kafka's, one a row.
  std::vector<Column> columns;              ///< Each with one value a row.

  std::size_t rows() const { return timestamps_ms.size(); }
};

}  // namespace penstock
