#pragma once

#include <cstdint>
#include <string_view>

#include "clickhouse/fault.h"

namespace penstock::clickhouse {

/// An integer of up to 64 bits and its sign: what a JSON number is, exactly.
struct WideInteger {
  bool negative = false;
  std::uint64_t magnitude = 0;
};

/// The integer that a JSON number's text stands for, digit by digit, never through a double:
/// "1e3", "1500.0" and "-0" are integers. FaultKind::kFraction when it has one, kOutOfRange
/// beyond 64 bits, kWrongKind when it is no number.
FaultKind ParseInteger(std::string_view text, WideInteger& value);

/// A decimal number as far as nine digits behind the point; further ones are cut.
struct FixedDecimal {
  bool negative = false;
  std::uint64_t whole = 0;
  std::int64_t billionths = 0;
};

/// The digits of a JSON number, moved by its exponent. kOutOfRange when `whole` has no room.
FaultKind ParseFixed(std::string_view text, FixedDecimal& value);

/// The nearest double. kOutOfRange where that is infinite.
FaultKind ParseDouble(std::string_view text, double& value);

}  // namespace penstock::clickhouse
