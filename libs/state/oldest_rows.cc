#include "state/oldest_rows.h"

#include <algorithm>

namespace penstock::state {

namespace {
// A slice is looked through about so many times at most until all of it has left.
constexpr std::size_t kMostLoads = 8;
}  // namespace

Status OldestRows::Load(RunFiles& files, std::int64_t slice,
                        std::span<const std::unique_ptr<RowRun>> runs, Place after) {
  Clear();
  std::size_t slice_bytes = 0;
  for (const auto& run : runs) slice_bytes += run->live_bytes + run->live_rows * sizeof(Row);
  const std::size_t bytes = std::max(least_bytes_, slice_bytes / kMostLoads);
  Place end = {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::uint64_t>::max()};
  for (const auto& run : runs) {
    if (run->live_rows == 0) continue;
    RowRunCursor cursor(files, *run);
    for (;;) {
      PENSTOCK_RETURN_IF_ERROR(cursor.Next());
      if (cursor.done()) break;
      const StoredRow& row = cursor.row();
      const Place when(row.time_ms, row.number);
      if (when <= after || when > end) continue;
      rows_.push_back({row, run.get(), cursor.place(), data_.size(), row.data.size()});
      data_.append(row.data);
      if (data_.size() + rows_.size() * sizeof(Row) < 2 * bytes) continue;
      KeepOldest(bytes);
      end = end_;
    }
  }
  std::ranges::sort(rows_, {}, &Row::when);
  is_last_ = end.first == std::numeric_limits<std::int64_t>::max();
  if (!rows_.empty()) end_ = rows_.back().when();
  slice_ = slice;
  after_ = after;
  return Done{};
}

void OldestRows::KeepOldest(std::size_t bytes) {
  std::ranges::sort(rows_, {}, &Row::when);
  std::string data;
  std::size_t kept = 0;
  for (; kept < rows_.size(); ++kept) {
    Row& row = rows_[kept];
    if (kept > 0 && data.size() + kept * sizeof(Row) + row.size > bytes) break;
    const std::string_view its_data = Data(row);
    row.data = data.size();
    data.append(its_data);
  }
  rows_.resize(kept);
  data_.swap(data);
  end_ = rows_.back().when();
}

void OldestRows::Clear() {
  rows_.clear();
  data_.clear();
  first_ = 0;
  after_ = end_ = kStart;
  is_last_ = false;
  slice_ = std::numeric_limits<std::int64_t>::min();
}

std::span<const OldestRows::Row> OldestRows::rows() {
  while (first_ < rows_.size() && rows_[first_].IsRemoved()) ++first_;
  return std::span(rows_).subspan(first_);
}

}  // namespace penstock::state
