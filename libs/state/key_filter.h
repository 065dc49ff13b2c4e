#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "model/first_row.h"

namespace penstock::state {

/// Says of most keys that a run does not hold them, in one cache line: a Bloom filter of blocks of
/// 64 bytes, with one bit in each of a block's eight words. The block follows from the top of the
/// hash, so that a run that is written in the order of its keys fills its filter from front to end.
///
/// A false answer costs a read. Most of the memory are the filters of large runs, so they get by
/// with fewer bits a key: 0.3 % of strange keys pass them, 0.12 % and 0.03 % those of smaller runs.
class KeyFilter {
 public:
  static constexpr std::size_t BitsPerKey(std::size_t keys) {
    if (keys <= 1'000'000) return 20;
    return keys <= 5'000'000 ? 16 : 13;
  }

  /// What every filter needs to know of a key: made once, asked often.
  struct Probe {
    std::uint64_t high = 0;  ///< Chooses the block.
    std::uint64_t bits = 0;  ///< Eight times six bits: one of each word.
  };
  static Probe ProbeOf(const KeyHash& key) {
    // The block takes the top bits of `high`; these are all the others, mixed.
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
    const std::uint64_t mixed = ((key.high << 32) | key.low) * kOdd;
    return {key.high, (mixed ^ (mixed >> 32)) * kOdd};
  }

  KeyFilter() = default;  ///< Of no keys.
  static KeyFilter ForKeys(std::size_t keys);
  explicit KeyFilter(std::size_t blocks);

  std::size_t blocks() const { return blocks_; }
  std::size_t bytes() const { return blocks_ * sizeof(Block); }
  /// The filter as it is stored: any number of pieces that follow each other.
  std::string_view Bytes() const { return {BytesAt(0), bytes()}; }
  /// Replaces what lies at `at`; false when that is not inside.
  bool Load(std::size_t at, std::string_view piece);

  void Insert(const KeyHash& key);

  /// Appends the indexes of those probes whose key the run may hold.
  void Find(std::span<const Probe> probes, std::vector<std::uint32_t>& found) const;

 private:
  struct alignas(64) Block {
    std::uint64_t words[8];
  };
  struct Free {
    void operator()(void* memory) const;
  };

  std::size_t BlockOf(std::uint64_t high) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>((static_cast<Wide>(high) * blocks_) >> 64);
  }
  static bool MayHold(const Block& block, std::uint64_t bits);
  const char* BytesAt(std::size_t at) const;

  std::unique_ptr<Block[], Free> memory_;
  std::size_t blocks_ = 0;
};

}  // namespace penstock::state
