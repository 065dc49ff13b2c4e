#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock {

/// XXH3, 64 bits: for checksums, routing and digests. Values travel and are stored, so
/// the function never changes. Thread-safe.
std::uint64_t Hash64(std::string_view bytes);

/// XXH3, 128 bits. Values are stored, too.
struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};
Hash128 HashOf128(std::string_view bytes);

/// The same as 32 lower-case hex digits: for insert tokens.
std::string Hash128Hex(std::string_view bytes);

}  // namespace penstock
