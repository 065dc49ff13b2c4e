#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::expr {

/// A number as expressions have it: 42, 0x2A, 0b101, 0o17, 1_000, 2.5, .5, 1e3. A leading zero
/// alone means nothing.
struct NumberLiteral {
  bool is_float = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string error;  ///< Empty: it is one.
};
NumberLiteral ReadNumberLiteral(std::string_view token);

}  // namespace penstock::expr
