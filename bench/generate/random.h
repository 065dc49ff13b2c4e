#pragma once

#include <cstdint>

namespace penstock::events {

/// A bijection of 64 bits without visible structure (the finaliser of splitmix64).
constexpr std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

/// The same numbers on every machine and compiler, which the standard's distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t state) : state_(state) {}

  std::uint64_t Next() { return Mix(state_ += 0x9E3779B97F4A7C15ULL); }
  /// Evenly in [0, bound), for a bound far below 2^32.
  std::uint32_t Below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((Next() >> 32) * bound) >> 32);
  }
  /// Small values are common, large ones rare, as with sizes and durations.
  std::uint32_t Skewed(std::uint32_t bound) {
    const std::uint64_t a = Next() >> 32;
    const std::uint64_t b = Next() >> 32;
    const std::uint64_t product = (a * b) >> 32;
    return static_cast<std::uint32_t>((((product * product) >> 32) * bound) >> 32);
  }

 private:
  std::uint64_t state_;
};

}  // namespace penstock::events
