#pragma once

#include <array>
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

/// A magnitude of up to 256 bits, the least significant limb first, and a sign.
struct WideNumber {
  bool negative = false;
  std::array<std::uint64_t, 4> limbs{};

  static WideNumber Of(std::int64_t value);
  static WideNumber Of(std::uint64_t value) { return {false, {value, 0, 0, 0}}; }

  bool IsZero() const { return (limbs[0] | limbs[1] | limbs[2] | limbs[3]) == 0; }
  /// Whether the magnitude is less than that of `other`.
  bool IsBelow(const WideNumber& other) const;
  /// Times 10^`power`, `power` of 0 to 19, plus `digits`. False: beyond 256 bits.
  bool ShiftAndAdd(unsigned power, std::uint64_t digits);
};

/// 10^`power`; 0 to 77.
WideNumber PowerOfTen(unsigned power);

enum class Excess : std::uint8_t { kRefuse, kRound };

/// A JSON number's text times 10^`scale`, digit by digit. Digits beyond the scale are kFraction or
/// rounded half away from zero, as `excess` says. kOutOfRange beyond 256 bits, kWrongKind when it
/// is no number.
FaultKind ParseWide(std::string_view text, unsigned scale, Excess excess, WideNumber& value);

/// The nearest double. kOutOfRange where that is infinite.
FaultKind ParseDouble(std::string_view text, double& value);

}  // namespace penstock::clickhouse
