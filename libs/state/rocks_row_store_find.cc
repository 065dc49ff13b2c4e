// How RocksRowStore finds rows: in memory first, then by filters, then in pages.
#include <algorithm>
#include <limits>
#include <ranges>
#include <tuple>

#include "state/rocks_row_store.h"
#include "state/run_files_inner.h"

namespace penstock::state {

void RocksRowStore::BeginFind(Side side) {
  if (side == Side::kLeft) located_.clear();
  copied_.clear();
  reads_.clear();
}

// What is read from disk is gone with its page.
void RocksRowStore::Keep(Read& read, const StoredRow& row, RowRun* run, std::size_t place) {
  read.row = row;
  read.run = run;
  read.place = place;
  if (run == nullptr) return;
  read.copy = copied_.size();
  copied_.append(row.data);
}

// The row with its data; it can be removed from now on. To be called when all are kept.
StoredRow RocksRowStore::Tell(Side side, const Read& read) {
  StoredRow row = read.row;
  if (read.run != nullptr) row.data = {copied_.data() + read.copy, row.data.size()};
  if (side == Side::kLeft) {
    located_.push_back({row.number, read.run, read.place, row.data.size()});
  }
  return row;
}

Status RocksRowStore::FindNewest(Side side, std::span<const Query> queries,
                                 std::vector<Match>& found) {
  found.clear();
  PENSTOCK_RETURN_IF_ERROR(Load());
  BeginFind(side);
  SideRows& rows = Of(side);
  newest_.assign(queries.size(), 0);
  rows.young.FindNewest(queries, [&](std::size_t query, std::uint32_t place) {
    Keep(reads_.emplace_back(), rows.young.At(place), nullptr, place);
    newest_[query] = reads_.size();
  });
  PENSTOCK_RETURN_IF_ERROR(FindNewestOnDisk(rows, queries));
  for (std::size_t query = 0; query < queries.size(); ++query) {
    if (newest_[query] != 0) found.push_back({query, Tell(side, reads_[newest_[query] - 1])});
  }
  return Done{};
}

Status RocksRowStore::FindAll(Side side, std::span<const Query> queries,
                              std::vector<Match>& found) {
  found.clear();
  PENSTOCK_RETURN_IF_ERROR(Load());
  BeginFind(side);
  SideRows& rows = Of(side);
  rows.young.FindAll(queries, [&](std::size_t query, std::uint32_t place) {
    Read& read = reads_.emplace_back();
    read.query = query;
    Keep(read, rows.young.At(place), nullptr, place);
  });
  PENSTOCK_RETURN_IF_ERROR(FindAllOnDisk(rows, queries));
  for (const Read& read : reads_) found.push_back({read.query, Tell(side, read)});
  std::ranges::sort(found, {},
                    [](const Match& match) { return std::tuple(match.query, match.row.number); });
  return Done{};
}

// The queries that the slice may answer.
void RocksRowStore::Ask(const Runs& runs, std::span<const Query> queries, bool newest) {
  asked_.clear();
  probes_.clear();
  std::int64_t oldest_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t newest_ms = std::numeric_limits<std::int64_t>::min();
  for (const auto& run : runs) {
    if (run->live_rows == 0) continue;
    oldest_ms = std::min(oldest_ms, run->oldest_ms);
    newest_ms = std::max(newest_ms, run->newest_ms);
  }
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (queries[i].from_ms > newest_ms || queries[i].until_ms < oldest_ms) continue;
    if (newest && newest_[i] != 0 && reads_[newest_[i] - 1].row.time_ms > newest_ms) continue;
    asked_.push_back(static_cast<std::uint32_t>(i));
    probes_.push_back(KeyFilter::ProbeOf(queries[i].key));
  }
}

template <typename Seen>
void RocksRowStore::ForEachHit(const Runs& runs, std::span<const Query> queries, const Seen& seen) {
  for (const auto& run : runs) {
    if (run->live_rows == 0) continue;
    hits_.clear();
    run->filter.Find(probes_, hits_);
    for (const std::uint32_t hit : hits_) {
      seen(*run, asked_[hit], run->PagesOf(queries[asked_[hit]].key));
    }
  }
}

// A page as it lies in its file. RocksDB takes three times as long to give it: that is asked only
// when the bytes are not right, and says what is wrong with them.
Status RocksRowStore::ReadPage(const RowRun& run, const PageRef& page) {
  ++page_reads_;
  const RowRun::Page& where = run.pages[page.page];
  page_.resize(std::max<std::size_t>(page_.size(), where.size));
  const std::span<char> bytes = std::span(page_).first(where.size);
  if (run.file.Read(where.offset, bytes) && view_.Parse({bytes.data(), bytes.size()}))
    return Done{};
  ++page_reads_by_rocksdb_;
  bool read = false;
  const auto seen = [&](std::size_t, std::string_view value) {
    page_.assign(value.begin(), value.end());
    return read = view_.Parse({page_.data(), page_.size()});
  };
  PENSTOCK_RETURN_IF_ERROR(files_->Read({&page, 1}, seen));
  if (!read) return CorruptStore("a run has lost pages", options_.folder);
  return Done{};
}

// Calls `seen` for each lookup while view_ is its page; it returns false when the page is
// malformed.
template <typename Seen>
Status RocksRowStore::ReadPages(const Seen& seen) {
  std::ranges::sort(lookups_, {}, &Lookup::page);
  const Lookup* last = nullptr;
  for (const Lookup& lookup : lookups_) {
    if (last == nullptr || last->page != lookup.page) {
      PENSTOCK_RETURN_IF_ERROR(ReadPage(*lookup.run, lookup.page));
    }
    last = &lookup;
    if (!seen(lookup)) return CorruptStore("a page is malformed", options_.folder);
  }
  return Done{};
}

Status RocksRowStore::FindNewestOnDisk(SideRows& side, std::span<const Query> queries) {
  const auto seen = [&](const Lookup& lookup) {
    const Query& query = queries[lookup.query];
    const auto [from, to] = view_.Equal(query.key.high);
    const std::size_t first = lookup.run->pages[lookup.page.page].first_row;
    StoredRow row;
    for (std::size_t at = to; at-- > from;) {
      if (!view_.Read(at, row)) return false;
      if (row.key != query.key) continue;
      if (row.time_ms < query.from_ms) return true;
      if (row.seen_ms > query.until_ms || lookup.run->IsRemoved(first + at)) continue;
      std::size_t& newest = newest_[lookup.query];
      if (newest == 0) {
        reads_.emplace_back();
        newest = reads_.size();
      } else if (const StoredRow& other = reads_[newest - 1].row;
                 std::tie(row.time_ms, row.number) < std::tie(other.time_ms, other.number)) {
        return true;
      }
      Keep(reads_[newest - 1], row, lookup.run, first + at);
      return true;
    }
    if (from == 0 && lookup.page.page > lookup.first) {
      further_.push_back(lookup);
      --further_.back().page.page;
    }
    return true;
  };
  for (const auto& [slice, runs] : std::views::reverse(side.runs)) {
    Ask(runs, queries, true);
    lookups_.clear();
    ForEachHit(runs, queries, [&](RowRun& run, std::size_t query, auto pages) {
      lookups_.push_back({{run.slice, run.number, pages.second}, query, &run, pages.first});
    });
    while (!lookups_.empty()) {
      further_.clear();
      PENSTOCK_RETURN_IF_ERROR(ReadPages(seen));
      lookups_.swap(further_);
    }
  }
  return Done{};
}

Status RocksRowStore::FindAllOnDisk(SideRows& side, std::span<const Query> queries) {
  lookups_.clear();
  for (const auto& [slice, runs] : side.runs) {
    Ask(runs, queries, false);
    ForEachHit(runs, queries, [&](RowRun& run, std::size_t query, auto pages) {
      for (std::uint32_t page = pages.first; page <= pages.second; ++page) {
        lookups_.push_back({{run.slice, run.number, page}, query, &run, page});
      }
    });
  }
  return ReadPages([&](const Lookup& lookup) {
    const Query& query = queries[lookup.query];
    const auto [from, to] = view_.Equal(query.key.high);
    const std::size_t first = lookup.run->pages[lookup.page.page].first_row;
    StoredRow row;
    for (std::size_t at = from; at < to; ++at) {
      if (!view_.Read(at, row)) return false;
      if (row.key != query.key || row.time_ms < query.from_ms || row.seen_ms > query.until_ms ||
          lookup.run->IsRemoved(first + at)) {
        continue;
      }
      Read& read = reads_.emplace_back();
      read.query = lookup.query;
      Keep(read, row, lookup.run, first + at);
    }
    return true;
  });
}

Status RocksRowStore::FindBefore(Side side, std::int64_t before_ms, std::size_t limit,
                                 std::vector<StoredRow>& found) {
  found.clear();
  PENSTOCK_RETURN_IF_ERROR(Load());
  BeginFind(side);
  SideRows& rows = Of(side);
  PENSTOCK_RETURN_IF_ERROR(FindOldestOnDisk(rows, before_ms, limit));
  for (const std::uint32_t place : rows.young.FindBefore(before_ms, limit)) {
    Keep(reads_.emplace_back(), rows.young.At(place), nullptr, place);
  }
  std::ranges::sort(reads_, {},
                    [](const Read& read) { return std::tuple(read.row.time_ms, read.row.number); });
  reads_.resize(std::min(reads_.size(), limit));
  for (const Read& read : reads_) found.push_back(Tell(side, read));
  return Done{};
}

Status RocksRowStore::FindOldestOnDisk(SideRows& side, std::int64_t before_ms, std::size_t limit) {
  for (const auto& [slice, runs] : side.runs) {
    const bool has_some = std::ranges::any_of(
        runs, [&](const auto& run) { return run->live_rows > 0 && run->oldest_ms < before_ms; });
    if (!has_some) continue;
    OldestRows& oldest = side.oldest;
    if (oldest.slice() != slice) side.oldest_from = OldestRows::kStart;
    for (OldestRows::Place after = side.oldest_from;; after = oldest.end()) {
      if (oldest.slice() != slice || oldest.after() != after) {
        PENSTOCK_RETURN_IF_ERROR(oldest.Load(*files_, slice, runs, after));
      }
      const auto rows = oldest.rows();
      for (const OldestRows::Row& row : rows) {
        if (reads_.size() == limit) return Done{};
        if (row.row.time_ms >= before_ms) break;
        if (row.IsRemoved()) continue;
        StoredRow with_data = row.row;
        with_data.data = oldest.Data(row);
        Keep(reads_.emplace_back(), with_data, row.run, row.place);
      }
      if (oldest.is_last() || oldest.end().first >= before_ms) break;
      if (rows.empty()) side.oldest_from = oldest.end();
    }
  }
  return Done{};
}

Result<std::vector<RocksRowStore::Located>> RocksRowStore::Locate(std::span<const StoredRow> rows) {
  std::vector<Located> places;
  std::vector<Query> others;
  std::vector<std::uint64_t> numbers;
  const auto find = [&](std::uint64_t number) {
    const auto at = std::ranges::lower_bound(located_, number, {}, &Located::number);
    if (at == located_.end() || at->number != number) return false;
    places.push_back(*at);
    return true;
  };
  std::ranges::sort(located_, {}, &Located::number);
  for (const StoredRow& row : rows) {
    if (find(row.number)) continue;
    others.push_back({row.key, row.time_ms, row.seen_ms});
    numbers.push_back(row.number);
  }
  if (others.empty()) return places;
  std::vector<Match> ignored;
  PENSTOCK_RETURN_IF_ERROR(FindAll(Side::kLeft, others, ignored));
  std::ranges::sort(located_, {}, &Located::number);
  for (const std::uint64_t number : numbers) find(number);
  return places;
}

}  // namespace penstock::state
