#pragma once

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "state/row_store.h"

namespace penstock::state {

/// In memory, without a bound, and exact: DropBefore leaves nothing. For `penstock test` and tests.
class MemoryRowStore : public RowStore {
 public:
  Status FindNewest(Side side, std::span<const Query> queries, std::vector<Match>& found) override {
    found.clear();
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const auto [first, last] = RowsOf(side, queries[i]);
      for (auto row = std::make_reverse_iterator(last); row != std::make_reverse_iterator(first);
           ++row) {
        if (row->second.seen_ms > queries[i].until_ms) continue;
        found.push_back({i, Stored(*row)});
        break;
      }
    }
    return Done{};
  }
  Status FindAll(Side side, std::span<const Query> queries, std::vector<Match>& found) override {
    found.clear();
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const std::size_t before = found.size();
      const auto [first, last] = RowsOf(side, queries[i]);
      for (auto row = first; row != last; ++row) {
        if (row->second.seen_ms <= queries[i].until_ms) found.push_back({i, Stored(*row)});
      }
      std::sort(found.begin() + static_cast<std::ptrdiff_t>(before), found.end(),
                [](const Match& a, const Match& b) { return a.row.number < b.row.number; });
    }
    return Done{};
  }
  Status FindBefore(Side side, std::int64_t before_ms, std::size_t limit,
                    std::vector<StoredRow>& found) override {
    found.clear();
    for (const auto& [time, row] : Of(side).by_time) {
      if (time.first >= before_ms || found.size() == limit) break;
      found.push_back(Stored(*row));
    }
    return Done{};
  }

  Status Write(const Changes& changes, std::string_view state) override {
    for (const StoredRow& row : changes.removed) Remove(Of(Side::kLeft), KeyOf(row));
    Rows& rows = Of(changes.side);
    for (const StoredRow& row : changes.added) {
      const auto [at, added] =
          rows.by_key.emplace(KeyOf(row), Kept{row.seen_ms, std::string(row.data)});
      if (!added) continue;
      rows.by_time.emplace(std::pair(row.time_ms, row.number), at);
      rows.bytes += row.data.size();
    }
    state_ = state;
    return Done{};
  }
  const std::string& state() const override { return state_; }

  Result<std::uint64_t> DropBefore(Side side, std::int64_t before_ms) override {
    Rows& rows = Of(side);
    std::uint64_t dropped = 0;
    while (!rows.by_time.empty() && rows.by_time.begin()->first.first < before_ms) {
      Remove(rows, Key(rows.by_time.begin()->second->first));
      ++dropped;
    }
    return dropped;
  }

  Status Reset() override {
    sides_ = {};
    state_.clear();
    return Done{};
  }

  Stats stats() const override {
    return {.left = {sides_[0].by_key.size(), sides_[0].bytes},
            .right = {sides_[1].by_key.size(), sides_[1].bytes}};
  }

 private:
  using Key = std::tuple<KeyHash, std::int64_t, std::uint64_t>;  // Of a row: key, time, number.
  struct Kept {
    std::int64_t seen_ms = 0;
    std::string data;
  };
  using ByKey = std::map<Key, Kept>;
  struct Rows {
    ByKey by_key;
    std::map<std::pair<std::int64_t, std::uint64_t>, ByKey::const_iterator> by_time;
    std::uint64_t bytes = 0;
  };

  Rows& Of(Side side) { return sides_[static_cast<std::size_t>(side)]; }
  static Key KeyOf(const StoredRow& row) { return {row.key, row.time_ms, row.number}; }
  static StoredRow Stored(const ByKey::value_type& row) {
    const auto& [key, time_ms, number] = row.first;
    return {key, time_ms, row.second.seen_ms, number, row.second.data};
  }
  // The rows of the query's key in its range of times.
  std::pair<ByKey::const_iterator, ByKey::const_iterator> RowsOf(Side side, const Query& query) {
    const ByKey& rows = Of(side).by_key;
    return {rows.lower_bound({query.key, query.from_ms, 0}),
            rows.upper_bound({query.key, std::numeric_limits<std::int64_t>::max(),
                              std::numeric_limits<std::uint64_t>::max()})};
  }
  static void Remove(Rows& rows, const Key& key) {
    const auto at = rows.by_key.find(key);
    if (at == rows.by_key.end()) return;
    rows.bytes -= at->second.data.size();
    rows.by_time.erase({std::get<1>(key), std::get<2>(key)});
    rows.by_key.erase(at);
  }

  std::array<Rows, 2> sides_;
  std::string state_;
};

}  // namespace penstock::state
