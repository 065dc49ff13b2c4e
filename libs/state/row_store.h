#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/first_row.h"
#include "model/plan.h"

namespace penstock::state {

/// A row of one side of a join that waits for its partner, or can be one.
struct StoredRow {
  KeyHash key;
  std::int64_t time_ms = 0;  ///< Kafka's.
  /// How far its side's time had come when it was taken in, at least `time_ms`: it is late by the
  /// difference.
  std::int64_t seen_ms = 0;
  std::uint64_t number = 0;  ///< In the order in which rows are taken in; unique on its side.
  std::string_view data;
};

/// The rows that a shard's join holds, of both sides, by key and time. What is in it follows from
/// the side's streams: a store that is gone or damaged is made again. One owner thread.
///
/// Memory does not grow with the rows, but for filters and indexes of a few bits each.
///
/// Error codes: "corrupt" (kStop): what is stored cannot be trusted, Reset and take the rows in
/// again; "disk" (kRetry): no room or no access, nothing was changed.
class RowStore {
 public:
  virtual ~RowStore() = default;

  /// Rows of a key with time_ms >= from_ms and seen_ms <= until_ms.
  struct Query {
    KeyHash key;
    std::int64_t from_ms = 0;
    std::int64_t until_ms = 0;
  };
  struct Match {
    std::size_t query = 0;  ///< Index.
    StoredRow row;          ///< Its data is valid until the next call of any method.
  };
  /// Of each query the newest row, by time and then number, if there is one; in the order of the
  /// queries. Replaces what is in `found`.
  virtual Status FindNewest(Side side, std::span<const Query> queries,
                            std::vector<Match>& found) = 0;
  /// Every row of each query: in the order of the queries, those of one by number. A row that
  /// several queries ask for is given to each.
  virtual Status FindAll(Side side, std::span<const Query> queries, std::vector<Match>& found) = 0;
  /// At most `limit` of the rows with time_ms < before_ms, the oldest by time first; data as above.
  virtual Status FindBefore(Side side, std::int64_t before_ms, std::size_t limit,
                            std::vector<StoredRow>& found) = 0;

  struct Changes {
    Side side = Side::kLeft;  ///< Of the rows that are added.
    std::span<const StoredRow> added;
    /// Rows that are there, as they were found (their data is not looked at); always of the left
    /// side.
    std::span<const StoredRow> removed;
  };
  /// All of it or nothing, together with `state`, which is the owner's to read. Not synced: after
  /// the loss of power an older state and its rows may be there.
  virtual Status Write(const Changes& changes, std::string_view state) = 0;
  /// What was written last; empty: the store is empty.
  virtual const std::string& state() const = 0;

  /// Forgets the side's rows with time_ms < before_ms, in whole slices of time: some may stay for
  /// an eighth of the side's window longer, and may still be found. Gives how many were dropped.
  virtual Result<std::uint64_t> DropBefore(Side side, std::int64_t before_ms) = 0;

  /// Empties it.
  virtual Status Reset() = 0;

  struct Stats {
    struct OfSide {
      std::uint64_t rows = 0;
      std::uint64_t bytes = 0;  ///< Of their data.
    };
    OfSide left;
    OfSide right;
    std::uint64_t disk_bytes = 0;
  };
  virtual Stats stats() const = 0;
};

}  // namespace penstock::state
