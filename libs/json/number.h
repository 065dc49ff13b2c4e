#pragma once

#include <cstdint>
#include <string_view>

namespace penstock::json {

/// How a number that JSON's grammar allows fits into a type.
enum class Fit : std::uint8_t {
  kExact,
  kFraction,  ///< An integer was asked for; the value is cut off towards zero.
  kOutOfRange,
  kNotANumber,  ///< The text is not of JSON's grammar.
};

/// The exact value: `5.0` and `1e3` are integers, and nothing goes through a double.
/// The whole of `text` must be the number.
Fit ReadInt64(std::string_view text, std::int64_t& value);
Fit ReadUint64(std::string_view text, std::uint64_t& value);
/// The nearest double; too small is zero, too large is kOutOfRange.
Fit ReadFloat64(std::string_view text, double& value);
bool IsNumber(std::string_view text);

}  // namespace penstock::json
