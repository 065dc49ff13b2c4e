#pragma once

#include <cstdint>

namespace penstock {

/// The hops of a pipeline that have a stream for each shard. A join's sides have hops of their own;
/// `...In` and `...Keys` are those of the dedup in front of a side.
enum class Hop : std::uint8_t {
  kIn,
  kLeft,
  kRight,
  kOut,
  kKeys,
  kLeftIn,
  kRightIn,
  kLeftKeys,
  kRightKeys,
};

}  // namespace penstock
