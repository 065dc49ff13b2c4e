#include "base/hash.h"

#include <xxhash.h>

#include "base/format.h"

namespace penstock {

std::uint64_t Hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 HashOf128(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

std::string Hash128Hex(std::string_view bytes) {
  const Hash128 hash = HashOf128(bytes);
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

}  // namespace penstock
