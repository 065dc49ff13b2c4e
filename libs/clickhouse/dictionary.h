#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::clickhouse {

/// The distinct values of a block's LowCardinality column, numbered in order of appearance.
/// Values are kept in Native form: of one width, or (width 0) a varint length and bytes. One
/// owner thread.
class Dictionary {
 public:
  explicit Dictionary(std::size_t width);

  /// The number of `value`, new or known.
  std::uint32_t Add(std::string_view value);
  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  /// The values in Native form, in order.
  std::string_view data() const { return data_; }
  void Clear();

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::size_t at = 0;  // Of the value in data_, behind its length.
    std::size_t size = 0;
  };

  void Grow(std::size_t slots);
  std::size_t FreeSlot(std::uint64_t hash) const;

  const std::size_t width_;
  const std::uint64_t
      seed_;  // Differs from process to process: nobody can choose values that collide.
  std::string data_;
  std::vector<Entry> entries_;
  // Open addressing: a slot has 1 + the number of an entry, or 0. At most half full; the size is a
  // power of two.
  std::vector<std::uint32_t> slots_;
};

}  // namespace penstock::clickhouse
