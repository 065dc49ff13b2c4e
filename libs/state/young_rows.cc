#include "state/young_rows.h"

#include <algorithm>

namespace penstock::state {

namespace {
constexpr std::size_t kFewestSlots = 1024;

std::uint32_t TagOf(const KeyHash& key) {
  return static_cast<std::uint32_t>(key.high);
}
}  // namespace

YoungRows::YoungRows(std::size_t bytes) {
  rows_.reserve(bytes / sizeof(Row));
  data_.reserve(bytes);
}

StoredRow YoungRows::At(std::uint32_t place) const {
  const Row& row = rows_[place];
  return {row.key, row.time_ms, row.seen_ms, row.number, {data_.data() + row.data, row.size}};
}

bool YoungRows::IsOlder(std::uint32_t a, std::uint32_t b) const {
  const Row& one = rows_[a];
  const Row& other = rows_[b];
  return one.time_ms != other.time_ms ? one.time_ms < other.time_ms : one.number < other.number;
}

std::size_t YoungRows::SlotOf(const KeyHash& key) const {
  const std::uint32_t tag = TagOf(key);
  std::size_t at = Home(key);
  for (; slots_[at].last != kNone; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].tag == tag && rows_[slots_[at].last].key == key) break;
  }
  return at;
}

void YoungRows::Grow() {
  std::vector<Slot> before(std::max(kFewestSlots, 2 * slots_.size()));
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (slot.last == kNone) continue;
    std::size_t at = Home(rows_[slot.last].key);
    while (slots_[at].last != kNone) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

void YoungRows::Add(std::span<const StoredRow> rows) {
  while (2 * (keys_ + rows.size()) > slots_.size()) Grow();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    FetchAhead(rows, i);
    AddOne(rows[i]);
  }
}

void YoungRows::AddOne(const StoredRow& stored) {
  const auto place = static_cast<std::uint32_t>(rows_.size());
  Slot& slot = slots_[SlotOf(stored.key)];
  Row row{.key = stored.key,
          .time_ms = stored.time_ms,
          .seen_ms = stored.seen_ms,
          .number = stored.number,
          .data = static_cast<std::uint32_t>(data_.size()),
          .size = static_cast<std::uint32_t>(stored.data.size()),
          .before = slot.last,
          .newest = place};
  rows_.push_back(row);
  if (row.before == kNone) {
    ++keys_;
    slot.tag = TagOf(row.key);
  } else if (IsOlder(place, rows_[row.before].newest)) {
    rows_.back().newest = rows_[row.before].newest;
  }
  slot.last = place;
  data_.insert(data_.end(), stored.data.begin(), stored.data.end());
  ++live_rows_;
  live_bytes_ += row.size;
  oldest_ms_ = std::min(oldest_ms_, row.time_ms);
  if (has_by_time_) PushByTime(place);
}

bool YoungRows::Remove(std::uint32_t place) {
  Row& row = rows_[place];
  if (row.removed) return false;
  row.removed = true;
  --live_rows_;
  live_bytes_ -= row.size;
  return true;
}

std::uint64_t YoungRows::RemoveBefore(std::int64_t time_ms) {
  if (oldest_ms_ >= time_ms) return 0;
  const std::uint64_t before = live_rows_;
  oldest_ms_ = std::numeric_limits<std::int64_t>::max();
  for (std::uint32_t place = 0; place < rows_.size(); ++place) {
    if (rows_[place].removed) continue;
    if (rows_[place].time_ms < time_ms) {
      Remove(place);
    } else {
      oldest_ms_ = std::min(oldest_ms_, rows_[place].time_ms);
    }
  }
  return before - live_rows_;
}

void YoungRows::Clear() {
  rows_.clear();
  data_.clear();
  std::ranges::fill(slots_, Slot{});
  by_time_.clear();
  told_.clear();
  keys_ = live_rows_ = live_bytes_ = 0;
  oldest_ms_ = std::numeric_limits<std::int64_t>::max();
}

std::span<const std::uint32_t> YoungRows::FindBefore(std::int64_t time_ms, std::size_t limit) {
  if (!has_by_time_) {
    has_by_time_ = true;
    for (std::uint32_t place = 0; place < rows_.size(); ++place) PushByTime(place);
  }
  for (const std::uint32_t place : told_) PushByTime(place);
  told_.clear();
  const auto younger = [&](std::uint32_t a, std::uint32_t b) { return IsOlder(b, a); };
  while (!by_time_.empty() && told_.size() < limit) {
    const std::uint32_t oldest = by_time_.front();
    if (!rows_[oldest].removed && rows_[oldest].time_ms >= time_ms) break;
    std::ranges::pop_heap(by_time_, younger);
    by_time_.pop_back();
    if (!rows_[oldest].removed) told_.push_back(oldest);
  }
  return told_;
}

void YoungRows::PushByTime(std::uint32_t place) {
  if (rows_[place].removed) return;
  by_time_.push_back(place);
  std::ranges::push_heap(by_time_, [&](std::uint32_t a, std::uint32_t b) { return IsOlder(b, a); });
}

std::uint32_t YoungRows::Newest(std::size_t slot, const RowStore::Query& query) {
  const std::uint32_t newest = rows_[slots_[slot].last].newest;
  if (Fits(rows_[newest], query)) return newest;
  if (rows_[newest].time_ms < query.from_ms) return kNone;
  std::uint32_t best = kNone;
  ForEachRow(slot, [&](std::uint32_t place) {
    if (!Fits(rows_[place], query)) return;
    if (best == kNone || IsOlder(best, place)) best = place;
  });
  return best;
}

}  // namespace penstock::state
