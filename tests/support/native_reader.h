#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::testing {

/// A column of a Native block. Each value is JSON: numbers as they are, times in RFC 3339 (UTC, no
/// trailing zeros), UUIDs, addresses and Enum names as strings, FixedString with its zeros,
/// Decimals with all digits of their scale, maps and tuples with names as objects.
struct NativeColumn {
  std::string name;
  std::string type;
  std::vector<std::string> values;
};

/// Reads one uncompressed Native block, independently of the code that writes it. Fails on
/// anything that is left over or missing.
Result<std::vector<NativeColumn>> ReadNativeBlock(std::string_view bytes);

}  // namespace penstock::testing
