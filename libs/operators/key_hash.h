#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "model/first_row.h"

namespace penstock::operators {

/// Of the bytes that protocol::AppendKeyPart made of a key.
inline KeyHash KeyHashOf(std::string_view key) {
  const Hash128 hash = HashOf128(key);
  return {hash.high, static_cast<std::uint32_t>(hash.low)};
}

}  // namespace penstock::operators
