#include "json/number.h"

#include <array>
#include <charconv>
#include <limits>
#include <system_error>

namespace penstock::json {

namespace {

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// A number taken apart: value = mantissa digits x 10^exponent.
struct Parts {
  bool negative = false;
  std::string_view digits;  ///< With a '.' among them, where there is one.
  std::int64_t exponent = 0;
};

// Far beyond what any type holds, and far from overflowing where digits are counted in.
constexpr std::int64_t kExponentBound = 1'000'000'000'000;

const char* SkipDigits(const char* at, const char* end) {
  while (at != end && IsDigit(*at)) ++at;
  return at;
}

// Reads `e+12` and its like. Null: not of the grammar.
const char* TakeExponent(const char* at, const char* end, std::int64_t& exponent) {
  ++at;
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  const char* const first = at;
  for (; at != end && IsDigit(*at); ++at) {
    if (exponent < kExponentBound) exponent = exponent * 10 + (*at - '0');
  }
  if (negative) exponent = -exponent;
  return at == first ? nullptr : at;
}

bool TakeApart(std::string_view text, Parts& parts) {
  const char* at = text.data();
  const char* const end = at + text.size();
  parts.negative = at != end && *at == '-';
  if (parts.negative) ++at;
  const char* const first = at;
  at = SkipDigits(at, end);
  if (at == first || (*first == '0' && at - first > 1)) return false;
  if (at != end && *at == '.') {
    const char* const point = at;
    at = SkipDigits(at + 1, end);
    if (at == point + 1) return false;
  }
  parts.digits = {first, static_cast<std::size_t>(at - first)};
  if (at != end && (*at == 'e' || *at == 'E')) {
    at = TakeExponent(at, end, parts.exponent);
    if (at == nullptr) return false;
  }
  return at == end;
}

// How many digits of the number, written out without leading zeros, stand before the point.
std::int64_t WholeDigits(const Parts& parts) {
  std::int64_t before_point = 0;
  std::int64_t zeros = 0;
  bool leading = true;
  bool point = false;
  for (const char c : parts.digits) {
    if (c == '.') {
      point = true;
      continue;
    }
    if (!point) ++before_point;
    leading = leading && c == '0';
    if (leading) ++zeros;
  }
  return before_point - zeros + parts.exponent;
}

// The number without its sign, cut off at the point.
Fit ReadWhole(const Parts& parts, std::uint64_t& value) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  const std::int64_t whole = WholeDigits(parts);
  std::int64_t taken = 0;
  bool fraction = false;
  value = 0;
  for (const char c : parts.digits) {
    if (c == '.' || (taken == 0 && c == '0')) continue;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (++taken > whole) {
      fraction = fraction || digit != 0;
    } else {
      if (value > (kMax - digit) / 10) return Fit::kOutOfRange;
      value = value * 10 + digit;
    }
  }
  for (; taken < whole && value != 0; ++taken) {
    if (value > kMax / 10) return Fit::kOutOfRange;
    value *= 10;
  }
  return fraction ? Fit::kFraction : Fit::kExact;
}

// Up to 19 plain digits, as nearly all integers are. False: the general way must look.
bool ReadPlain(std::string_view text, bool& negative, std::uint64_t& value) {
  const char* at = text.data();
  const char* const end = at + text.size();
  negative = at != end && *at == '-';
  if (negative) ++at;
  if (at == end || end - at > 19 || (*at == '0' && end - at > 1)) return false;
  value = 0;
  for (; at != end; ++at) {
    if (!IsDigit(*at)) return false;
    value = value * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  return true;
}

Fit ReadMagnitude(std::string_view text, bool& negative, std::uint64_t& value) {
  if (ReadPlain(text, negative, value)) return Fit::kExact;
  Parts parts;
  if (!TakeApart(text, parts)) return Fit::kNotANumber;
  negative = parts.negative;
  return ReadWhole(parts, value);
}

// Powers of ten that a double holds exactly.
constexpr std::array<double, 23> kExactPowers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Up to 15 digits with a point, or 16 without, and no exponent: both numbers of the division are
// exact doubles (or it is by one), so it is rounded once and correctly.
bool ReadShort(std::string_view text, double& value) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  if (end - at > 16 || at == end || !IsDigit(*at)) return false;
  if (*at == '0' && end - at > 1 && at[1] != '.') return false;
  const char* point = end;
  std::uint64_t mantissa = 0;
  for (; at != end; ++at) {
    if (*at == '.' && point == end && at + 1 != end) {
      point = at;
    } else if (IsDigit(*at)) {
      mantissa = mantissa * 10 + static_cast<std::uint64_t>(*at - '0');
    } else {
      return false;
    }
  }
  const auto places = static_cast<std::size_t>(point == end ? 0 : end - point - 1);
  value = static_cast<double>(mantissa) / kExactPowers[places];
  if (negative) value = -value;
  return true;
}

}  // namespace

Fit ReadInt64(std::string_view text, std::int64_t& value) {
  bool negative = false;
  std::uint64_t magnitude = 0;
  const Fit fit = ReadMagnitude(text, negative, magnitude);
  if (fit == Fit::kNotANumber || fit == Fit::kOutOfRange) return fit;
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (magnitude > kMax + (negative ? 1 : 0)) return Fit::kOutOfRange;
  value = static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
  return fit;
}

Fit ReadUint64(std::string_view text, std::uint64_t& value) {
  bool negative = false;
  const Fit fit = ReadMagnitude(text, negative, value);
  if (fit == Fit::kNotANumber || fit == Fit::kOutOfRange) return fit;
  return negative && value != 0 ? Fit::kOutOfRange : fit;
}

Fit ReadFloat64(std::string_view text, double& value) {
  if (ReadShort(text, value)) return Fit::kExact;
  Parts parts;
  if (!TakeApart(text, parts)) return Fit::kNotANumber;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc()) return Fit::kExact;
  if (WholeDigits(parts) > 0) return Fit::kOutOfRange;
  value = parts.negative ? -0.0 : 0.0;
  return Fit::kExact;
}

bool IsNumber(std::string_view text) {
  Parts parts;
  return TakeApart(text, parts);
}

}  // namespace penstock::json
