#include "state/recent_rows.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace penstock::state {

RecentRows::RecentRows(std::size_t capacity)
    : capacity_(std::clamp<std::size_t>(capacity, 1, kMostRows)),
      slots_(std::bit_ceil(2 * capacity_)) {
  rows_.reserve(capacity_);
}

std::size_t RecentRows::bytes() const {
  return capacity_ * sizeof(FirstRow) + slots_.size() * sizeof(std::uint32_t);
}

void RecentRows::Add(std::span<const FirstRow> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i + kAhead < rows.size()) __builtin_prefetch(&slots_[SlotOf(rows[i + kAhead].key)]);
    AddOne(rows[i]);
  }
}

void RecentRows::AddOne(const FirstRow& row) {
  bool known = false;
  const std::size_t slot = ForEach(row.key, [&](const FirstRow& other) {
    known = other.id == row.id;
    return !known;
  });
  if (known) return;
  PENSTOCK_CHECK(rows_.size() < capacity_, "the caller has looked whether there is room");
  rows_.push_back(row);
  slots_[slot] = TagOf(row.key) | static_cast<std::uint32_t>(rows_.size());
}

void RecentRows::Clear() {
  rows_.clear();
  std::ranges::fill(slots_, 0U);
}

}  // namespace penstock::state
