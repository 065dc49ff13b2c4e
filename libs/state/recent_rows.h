#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/first_row.h"

namespace penstock::state {

/// The rows that are not on disk yet, in memory, found by their exact key. As many as there is
/// room for, not one more (checked): 44 to 52 bytes each.
class RecentRows {
 public:
  static constexpr std::size_t kMostRows = std::size_t{1} << 20;

  explicit RecentRows(std::size_t capacity);

  std::size_t size() const { return rows_.size(); }
  std::size_t room() const { return capacity_ - rows_.size(); }
  std::size_t bytes() const;
  std::span<const FirstRow> rows() const { return rows_; }

  /// Remembers these rows but those that are known: the same key and identity.
  void Add(std::span<const FirstRow> rows);

  /// Calls `found(index of the key, row)` for each row of any of the keys.
  template <typename Found>
  void Find(std::span<const KeyHash> keys, const Found& found) const {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (i + kAhead < keys.size()) __builtin_prefetch(&slots_[SlotOf(keys[i + kAhead])]);
      ForEach(keys[i], [&](const FirstRow& row) {
        found(i, row);
        return true;
      });
    }
  }

  void Clear();
  /// Forgets the rows of which `gone` says so.
  template <typename Gone>
  void Erase(const Gone& gone) {
    std::vector<FirstRow> rows;
    rows.swap(rows_);
    Clear();
    rows_.reserve(capacity_);
    std::erase_if(rows, gone);
    Add(rows);
  }

 private:
  static constexpr std::size_t kAhead = 16;  // About what a core can have on its way from memory.

  void AddOne(const FirstRow& row);

  // A slot is 0 or: 12 bits of the hash, so that a strange key seldom looks at the row, and the
  // number of the row, from 1.
  static constexpr unsigned kNumberBits = 21;
  static constexpr std::uint32_t kNumberMask = (1U << kNumberBits) - 1;

  std::size_t SlotOf(const KeyHash& key) const { return key.low & (slots_.size() - 1); }
  static std::uint32_t TagOf(const KeyHash& key) {
    return static_cast<std::uint32_t>(key.high) & ~kNumberMask;
  }

  // The rows of a key, until `seen` says false; gives the free slot after them.
  template <typename Seen>
  std::size_t ForEach(const KeyHash& key, const Seen& seen) const {
    std::size_t at = SlotOf(key);
    for (; slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
      if ((slots_[at] & ~kNumberMask) != TagOf(key)) continue;
      const FirstRow& row = rows_[(slots_[at] & kNumberMask) - 1];
      if (row.key == key && !seen(row)) break;
    }
    return at;
  }

  std::size_t capacity_;
  std::vector<FirstRow> rows_;
  std::vector<std::uint32_t> slots_;  // At least twice as many as rows.
};

}  // namespace penstock::state
