#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "state/row_store.h"

namespace penstock::state {

/// The rows of a side that are not on disk yet, in memory, found by their exact key. A row is known
/// by its place: they count from 0 in the order in which they came.
class YoungRows {
 public:
  /// Sets room for so much aside: what is not used of it is no memory yet.
  explicit YoungRows(std::size_t bytes);

  std::size_t size() const { return rows_.size(); }  ///< With those that were removed.
  std::size_t bytes() const { return rows_.size() * sizeof(Row) + data_.size(); }
  std::uint64_t live_rows() const { return live_rows_; }
  std::uint64_t live_bytes() const { return live_bytes_; }

  StoredRow At(std::uint32_t place) const;  ///< Its data is valid until rows are added.
  const KeyHash& KeyAt(std::uint32_t place) const { return rows_[place].key; }
  std::int64_t TimeAt(std::uint32_t place) const { return rows_[place].time_ms; }
  bool IsRemoved(std::uint32_t place) const { return rows_[place].removed; }
  /// It is read soon.
  void Prefetch(std::uint32_t place) const { __builtin_prefetch(&rows_[place]); }
  /// By time, then by number.
  bool IsOlder(std::uint32_t a, std::uint32_t b) const;

  void Add(std::span<const StoredRow> rows);
  /// False when it was removed before.
  bool Remove(std::uint32_t place);
  /// Those older than this; gives how many.
  std::uint64_t RemoveBefore(std::int64_t time_ms);
  void Clear();

  /// Calls `found(index of the query, place)` for the newest row of each query that has one.
  template <typename Found>
  void FindNewest(std::span<const RowStore::Query> queries, const Found& found) {
    ForEachQuery(queries, [&](std::size_t index, std::size_t slot) {
      const std::uint32_t place = Newest(slot, queries[index]);
      if (place != kNone) found(index, place);
    });
  }
  /// The same for every row of each query, the last that came first.
  template <typename Found>
  void FindAll(std::span<const RowStore::Query> queries, const Found& found) {
    ForEachQuery(queries, [&](std::size_t index, std::size_t slot) {
      ForEachRow(slot, [&](std::uint32_t place) {
        if (Fits(rows_[place], queries[index])) found(index, place);
      });
    });
  }

  /// At most `limit` of those older than this, the oldest first; valid until the next call.
  std::span<const std::uint32_t> FindBefore(std::int64_t time_ms, std::size_t limit);

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t kAhead =
      8;  // Half of about what a core can have on its way from memory.

  struct Row {
    KeyHash key;
    std::int64_t time_ms = 0;
    std::int64_t seen_ms = 0;
    std::uint64_t number = 0;
    std::uint32_t data = 0;  // Where it begins.
    std::uint32_t size = 0;
    std::uint32_t before = kNone;  // The row of the same key that came before.
    // The newest of these two and all before them, removed ones too: the answer nearly always.
    std::uint32_t newest = kNone;
    bool removed = false;
  };
  /// Of a key: its last row. A part of the hash lets a strange key seldom look at the row.
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t last = kNone;
  };

  std::size_t Home(const KeyHash& key) const { return key.low & (slots_.size() - 1); }
  std::size_t SlotOf(const KeyHash& key) const;
  void Grow();
  static bool Fits(const Row& row, const RowStore::Query& query) {
    return !row.removed && row.time_ms >= query.from_ms && row.seen_ms <= query.until_ms;
  }
  std::uint32_t Newest(std::size_t slot, const RowStore::Query& query);

  void AddOne(const StoredRow& row);
  // Of keys that are looked for in their order: first the slot, then the row comes near.
  template <typename Keyed>
  void FetchAhead(std::span<const Keyed> keyed, std::size_t at) const {
    if (at + 2 * kAhead < keyed.size())
      __builtin_prefetch(&slots_[Home(keyed[at + 2 * kAhead].key)]);
    if (at + kAhead >= keyed.size()) return;
    const std::uint32_t last = slots_[Home(keyed[at + kAhead].key)].last;
    if (last != kNone) __builtin_prefetch(&rows_[last]);
  }

  template <typename Seen>
  void ForEachQuery(std::span<const RowStore::Query> queries, const Seen& seen) {
    if (rows_.empty()) return;
    for (std::size_t i = 0; i < queries.size(); ++i) {
      FetchAhead(queries, i);
      const std::size_t slot = SlotOf(queries[i].key);
      if (slots_[slot].last != kNone) seen(i, slot);
    }
  }
  // Also takes those that were removed out of the chain, so that nobody meets them again.
  template <typename Seen>
  void ForEachRow(std::size_t slot, const Seen& seen) {
    Row* after = nullptr;
    for (std::uint32_t at = slots_[slot].last; at != kNone; at = rows_[at].before) {
      Row& row = rows_[at];
      if (!row.removed || after == nullptr) {
        after = &row;
      } else {
        after->before = row.before;
      }
      if (!row.removed) seen(at);
    }
  }

  void PushByTime(std::uint32_t place);

  std::vector<Row> rows_;
  std::vector<char> data_;
  std::vector<Slot> slots_;  // At least twice as many as keys.
  std::size_t keys_ = 0;
  std::uint64_t live_rows_ = 0;
  std::uint64_t live_bytes_ = 0;
  std::int64_t oldest_ms_ =
      std::numeric_limits<std::int64_t>::max();  // None that is live is older.

  // From the first FindBefore on: a heap of places, and those that were taken from it last.
  bool has_by_time_ = false;
  std::vector<std::uint32_t> by_time_;
  std::vector<std::uint32_t> told_;
};

}  // namespace penstock::state
