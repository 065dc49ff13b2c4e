#include "clickhouse/number_text.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace penstock::clickhouse {

namespace {

// A decimal number as digits times a power of ten; views into the text.
struct Decimal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  std::int64_t exponent = 0;
};

std::string_view TakeDigits(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && text[size] >= '0' && text[size] <= '9') ++size;
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

bool TakeChar(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Far beyond what any type holds, and safe to add a text's length to.
constexpr std::int64_t kExponentLimit = 1'000'000'000;

bool SplitDecimal(std::string_view text, Decimal& decimal) {
  decimal.negative = TakeChar(text, '-');
  decimal.whole = TakeDigits(text);
  if (decimal.whole.empty()) return false;
  if (TakeChar(text, '.')) {
    decimal.fraction = TakeDigits(text);
    if (decimal.fraction.empty()) return false;
  }
  if (TakeChar(text, 'e') || TakeChar(text, 'E')) {
    const bool negative = TakeChar(text, '-');
    if (!negative) TakeChar(text, '+');
    const std::string_view digits = TakeDigits(text);
    if (digits.empty()) return false;
    for (const char c : digits) {
      decimal.exponent = std::min(decimal.exponent * 10 + (c - '0'), kExponentLimit);
    }
    if (negative) decimal.exponent = -decimal.exponent;
  }
  return text.empty();
}

// Digits of whole and fraction as one sequence.
char DigitAt(const Decimal& decimal, std::size_t i) {
  return i < decimal.whole.size() ? decimal.whole[i] : decimal.fraction[i - decimal.whole.size()];
}

__extension__ typedef unsigned __int128 Uint128;

constexpr unsigned kChunkDigits = 19;  // As many as fit a limb, whatever they are.

constexpr auto kPowers = [] {
  std::array<std::uint64_t, kChunkDigits + 1> powers{1};
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

}  // namespace

WideNumber WideNumber::Of(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return {value < 0, {value < 0 ? 0 - bits : bits, 0, 0, 0}};
}

bool WideNumber::IsBelow(const WideNumber& other) const {
  return std::lexicographical_compare(limbs.rbegin(), limbs.rend(), other.limbs.rbegin(),
                                      other.limbs.rend());
}

bool WideNumber::ShiftAndAdd(unsigned power, std::uint64_t digits) {
  Uint128 carry = digits;
  for (std::uint64_t& limb : limbs) {
    carry += static_cast<Uint128>(limb) * kPowers[power];
    limb = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  return carry == 0;
}

WideNumber PowerOfTen(unsigned power) {
  WideNumber value = WideNumber::Of(std::uint64_t{1});
  for (; power > 0; power -= std::min(power, kChunkDigits)) {
    value.ShiftAndAdd(std::min(power, kChunkDigits), 0);
  }
  return value;
}

namespace {

constexpr std::size_t kPlainDigits = 18;

// The usual form at full speed: a sign, up to 18 digits, a point among them or none.
bool ParsePlainDecimal(std::string_view text, std::uint64_t& digits, unsigned& fraction) {
  digits = 0;
  fraction = 0;
  bool point = false;
  if (text.empty() || text.size() > kPlainDigits + 1 || text.front() == '.' || text.back() == '.') {
    return false;
  }
  for (const char c : text) {
    const auto digit = static_cast<unsigned char>(c - '0');
    if (digit > 9) {
      if (c != '.' || point) return false;
      point = true;
      continue;
    }
    digits = digits * 10 + digit;
    fraction += point ? 1 : 0;
  }
  return true;
}

}  // namespace

FaultKind ParseWide(std::string_view text, unsigned scale, Excess excess, WideNumber& value) {
  value = {};
  value.negative = text.starts_with('-');
  unsigned fraction = 0;
  if (ParsePlainDecimal(text.substr(value.negative ? 1 : 0), value.limbs[0], fraction) &&
      fraction <= scale && scale - fraction <= kChunkDigits) {
    return value.ShiftAndAdd(scale - fraction, 0) ? FaultKind::kNone : FaultKind::kOutOfRange;
  }
  value = {};
  Decimal decimal;
  if (!SplitDecimal(text, decimal)) return FaultKind::kWrongKind;
  value.negative = decimal.negative;
  const auto digits = static_cast<std::int64_t>(decimal.whole.size() + decimal.fraction.size());
  // The digits before `end` count, those from it on are the excess.
  const std::int64_t end =
      static_cast<std::int64_t>(decimal.whole.size()) + decimal.exponent + scale;
  std::int64_t at = 0;
  while (at < digits && DigitAt(decimal, static_cast<std::size_t>(at)) == '0') ++at;
  constexpr std::int64_t kMostDigits = 78;  // 2^256 has as many.
  if (at < digits && end - at > kMostDigits) return FaultKind::kOutOfRange;
  const std::int64_t known = std::min(end, digits);
  while (at < known) {
    std::uint64_t chunk = 0;
    unsigned count = 0;
    for (; at < known && count < kChunkDigits; ++at, ++count) {
      chunk =
          chunk * 10 + static_cast<unsigned>(DigitAt(decimal, static_cast<std::size_t>(at)) - '0');
    }
    if (!value.ShiftAndAdd(count, chunk)) return FaultKind::kOutOfRange;
  }
  for (std::int64_t zeros = value.IsZero() ? 0 : end - known; zeros > 0;) {
    const auto count = static_cast<unsigned>(std::min<std::int64_t>(zeros, kChunkDigits));
    if (!value.ShiftAndAdd(count, 0)) return FaultKind::kOutOfRange;
    zeros -= count;
  }
  const auto digit_at = [&](std::int64_t i) {
    return i >= 0 && i < digits ? DigitAt(decimal, static_cast<std::size_t>(i)) : '0';
  };
  if (excess == Excess::kRound) {
    const bool up = digit_at(end) >= '5';
    return !up || value.ShiftAndAdd(0, 1) ? FaultKind::kNone : FaultKind::kOutOfRange;
  }
  for (std::int64_t i = std::max<std::int64_t>(end, 0); i < digits; ++i) {
    if (digit_at(i) != '0') return FaultKind::kFraction;
  }
  return FaultKind::kNone;
}

namespace {

// The usual form at full speed: up to 18 digits and a sign.
bool ParsePlainInteger(std::string_view text, WideInteger& value) {
  value.negative = !text.empty() && text.front() == '-';
  if (value.negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 18) return false;
  value.magnitude = 0;
  for (const char c : text) {
    const auto digit = static_cast<unsigned char>(c - '0');
    if (digit > 9) return false;
    value.magnitude = value.magnitude * 10 + digit;
  }
  return true;
}

}  // namespace

FaultKind ParseInteger(std::string_view text, WideInteger& value) {
  if (ParsePlainInteger(text, value)) return FaultKind::kNone;
  value = {};
  Decimal decimal;
  if (!SplitDecimal(text, decimal)) return FaultKind::kWrongKind;
  value.negative = decimal.negative;
  std::size_t first = 0;
  std::size_t last = decimal.whole.size() + decimal.fraction.size();
  while (first < last && DigitAt(decimal, first) == '0') ++first;
  if (first == last) return FaultKind::kNone;
  std::int64_t scale = decimal.exponent - static_cast<std::int64_t>(decimal.fraction.size());
  for (; DigitAt(decimal, last - 1) == '0'; --last) ++scale;
  if (scale < 0) return FaultKind::kFraction;
  constexpr std::int64_t kMostDigits = std::numeric_limits<std::uint64_t>::digits10 + 1;
  if (static_cast<std::int64_t>(last - first) + scale > kMostDigits) return FaultKind::kOutOfRange;
  const auto push = [&](unsigned digit) {
    return !__builtin_mul_overflow(value.magnitude, std::uint64_t{10}, &value.magnitude) &&
           !__builtin_add_overflow(value.magnitude, digit, &value.magnitude);
  };
  for (; first < last; ++first) {
    if (!push(static_cast<unsigned>(DigitAt(decimal, first) - '0'))) return FaultKind::kOutOfRange;
  }
  for (; scale > 0; --scale) {
    if (!push(0)) return FaultKind::kOutOfRange;
  }
  return FaultKind::kNone;
}

FaultKind ParseFixed(std::string_view text, FixedDecimal& value) {
  value = {};
  Decimal decimal;
  if (!SplitDecimal(text, decimal)) return FaultKind::kWrongKind;
  value.negative = decimal.negative;
  const auto digits = static_cast<std::int64_t>(decimal.whole.size() + decimal.fraction.size());
  const std::int64_t point = static_cast<std::int64_t>(decimal.whole.size()) + decimal.exponent;
  const auto digit_at = [&](std::int64_t i) {
    const bool has = i >= 0 && i < digits;
    return has ? static_cast<unsigned>(DigitAt(decimal, static_cast<std::size_t>(i)) - '0') : 0U;
  };
  std::int64_t first = 0;
  while (first < digits && digit_at(first) == 0) ++first;
  if (first == digits) return FaultKind::kNone;
  constexpr std::int64_t kMostDigits = std::numeric_limits<std::uint64_t>::digits10 + 1;
  if (point - first > kMostDigits) return FaultKind::kOutOfRange;
  for (std::int64_t i = first; i < point; ++i) {
    if (__builtin_mul_overflow(value.whole, std::uint64_t{10}, &value.whole) ||
        __builtin_add_overflow(value.whole, digit_at(i), &value.whole)) {
      return FaultKind::kOutOfRange;
    }
  }
  for (std::int64_t i = point; i < point + 9; ++i) {
    value.billionths = value.billionths * 10 + digit_at(i);
  }
  return FaultKind::kNone;
}

FaultKind ParseDouble(std::string_view text, double& value) {
  value = 0;
  Decimal decimal;
  if (!SplitDecimal(text, decimal)) return FaultKind::kWrongKind;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc::result_out_of_range) return FaultKind::kNone;
  // Too large or too small: from_chars does not say which. The first digit's place does.
  std::size_t first = 0;
  const std::size_t digits = decimal.whole.size() + decimal.fraction.size();
  while (first < digits && DigitAt(decimal, first) == '0') ++first;
  const std::int64_t place = static_cast<std::int64_t>(decimal.whole.size()) -
                             static_cast<std::int64_t>(first) + decimal.exponent;
  if (place > 0) return FaultKind::kOutOfRange;
  value = decimal.negative ? -0.0 : 0.0;
  return FaultKind::kNone;
}

}  // namespace penstock::clickhouse
