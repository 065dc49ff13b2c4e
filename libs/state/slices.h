#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>
#include <span>
#include <vector>

#include "model/first_row.h"

namespace penstock::state {

/// Time in slices of an eighth of a window: what is dropped at once.
class Slices {
 public:
  explicit Slices(std::int64_t window_ms) : ms_(std::max(kShortestMs, window_ms / kAWindow)) {}

  std::int64_t ms() const { return ms_; }
  std::int64_t Of(std::int64_t time_ms) const {
    const std::int64_t slice = time_ms / ms_;
    return time_ms % ms_ < 0 ? slice - 1 : slice;
  }

 private:
  static constexpr std::int64_t kAWindow = 8;
  static constexpr std::int64_t kShortestMs = 10;

  std::int64_t ms_;
};

/// The numbers 0 to count - 1 by slice. `slice_of` gives a number's, `known` says of which there
/// are runs already: with too many (timestamps all over the place must not become a file each), new
/// slices go with the next later one, so that their rows stay longer than they must.
template <typename SliceOf, typename Known>
std::map<std::int64_t, std::vector<std::uint32_t>> BySlice(std::size_t count,
                                                           const SliceOf& slice_of,
                                                           const Known& known) {
  constexpr std::size_t kMostSlices = 64;
  std::map<std::int64_t, std::vector<std::uint32_t>> by_slice;
  std::vector<std::uint32_t>* indexes = nullptr;
  std::int64_t last = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::int64_t slice = slice_of(i);
    if (indexes == nullptr || slice != last) indexes = &by_slice[last = slice];
    indexes->push_back(i);
  }
  for (auto slice = by_slice.begin(); slice != by_slice.end();) {
    const auto next = std::next(slice);
    if (next == by_slice.end() || known.size() + by_slice.size() <= kMostSlices ||
        known.contains(slice->first)) {
      slice = next;
      continue;
    }
    next->second.insert(next->second.end(), slice->second.begin(), slice->second.end());
    slice = by_slice.erase(slice);
  }
  return by_slice;
}

/// Sorts indexes by `key_of(index)`, a KeyHash, then by `before(a, b)`. Hashes lie evenly in their
/// range: rows go into buckets by the top of their keys first.
template <typename KeyOf, typename Before>
void SortByKey(std::vector<std::uint32_t>& indexes, const KeyOf& key_of, const Before& before) {
  constexpr std::size_t kRowsABucket = 8;
  struct Entry {
    std::uint64_t high = 0;
    std::uint32_t index = 0;
  };
  const unsigned bits = static_cast<unsigned>(std::bit_width(indexes.size() / kRowsABucket + 1));
  const auto bucket = [&](std::uint32_t index) { return key_of(index).high >> (64 - bits); };
  std::vector<std::uint32_t> starts((std::size_t{1} << bits) + 1);
  for (const std::uint32_t index : indexes) ++starts[bucket(index) + 1];
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<Entry> entries(indexes.size());
  for (const std::uint32_t index : indexes) {
    entries[starts[bucket(index)]++] = {key_of(index).high, index};
  }
  // Each start is where the next bucket begins now.
  std::size_t from = 0;
  for (const std::uint32_t to : std::span(starts).first(starts.size() - 1)) {
    std::sort(entries.begin() + static_cast<std::ptrdiff_t>(from), entries.begin() + to,
              [&](const Entry& a, const Entry& b) {
                if (a.high != b.high) return a.high < b.high;
                const std::uint32_t low_a = key_of(a.index).low;
                const std::uint32_t low_b = key_of(b.index).low;
                return low_a != low_b ? low_a < low_b : before(a.index, b.index);
              });
    from = to;
  }
  for (std::size_t i = 0; i < entries.size(); ++i) indexes[i] = entries[i].index;
}

}  // namespace penstock::state
