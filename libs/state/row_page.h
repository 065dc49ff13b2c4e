#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/first_row.h"

namespace penstock::state {

/// Packs first rows in the order of their keys into pages: what a run is made of. Each number takes
/// only the bits in which the rows of the page differ, and any row can be read without those before
/// it.
///
///   rows, partitions; of each partition: generation, number, lowest offset
///   lowest and highest top half of a key, lowest timestamp; the widths in bits of the five columns
///   five columns of numbers: top of the key, rest of the key, partition, offset, timestamp
///
/// The stores put a checksum around it.
class PageWriter {
 public:
  /// Appends a page of these rows, at least one.
  void Append(std::span<const FirstRow> rows, std::string& out);

 private:
  void FindPartitions(std::span<const FirstRow> rows);

  std::vector<RecordId> partitions_;
  std::array<std::uint32_t, 256> guess_{};
  std::vector<std::uint64_t> high_, low_, which_, offset_, timestamp_;
};

/// Reads a page in place: the bytes stay as long as this.
class PageView {
 public:
  /// False when this is no page.
  bool Parse(std::string_view page);

  std::size_t size() const { return rows_; }
  FirstRow Row(std::size_t index) const;
  /// The first row whose key is not less.
  std::size_t LowerBound(const KeyHash& key) const;

 private:
  struct Column {
    const char* data = nullptr;
    unsigned width = 0;
    std::uint64_t At(std::size_t index) const {
      const std::size_t bit = index * width;
      const auto word = LoadUnaligned<std::uint64_t>(data + bit / 8);
      if (width == 64) return word;
      return (word >> (bit % 8)) & ((std::uint64_t{1} << width) - 1);
    }
  };
  std::uint32_t LowAt(std::size_t index) const {
    return static_cast<std::uint32_t>(low_.At(index));
  }

  std::size_t rows_ = 0;
  std::vector<RecordId> partitions_;
  std::uint64_t lowest_high_ = 0;
  std::uint64_t highest_high_ = 0;
  std::int64_t lowest_ms_ = 0;
  Column high_, low_, partition_, offset_, timestamp_;
};

}  // namespace penstock::state
