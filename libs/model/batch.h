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
  std::vector<Section> sections;
  std::vector<std::int64_t> timestamps_ms;  ///< Kafka's, one a row.
  std::vector<Column> columns;              ///< Each with one value a row.

  std::size_t rows() const { return timestamps_ms.size(); }
};

}  // namespace penstock
