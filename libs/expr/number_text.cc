#include "expr/number_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace penstock::expr {

namespace {

bool IsDecimalDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsHexDigit(char c) {
  return IsDecimalDigit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

// Underscores must stand between digits; behind a prefix one may lead. False: they do not. `room`
// holds the text without them, if there are any.
bool DropUnderscores(std::string_view& text, std::string& room) {
  if (text.find('_') == std::string::npos) return true;
  std::size_t start = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  bool after_digit = false;
  bool hexadecimal = false;
  if (text.size() > start + 1 && text[start] == '0' &&
      std::string_view("xob").find(static_cast<char>(text[start + 1] | 0x20)) !=
          std::string_view::npos) {
    hexadecimal = (text[start + 1] | 0x20) == 'x';
    after_digit = true;
    start += 2;
  }
  for (std::size_t i = start; i < text.size(); ++i) {
    const bool digit = hexadecimal ? IsHexDigit(text[i]) : IsDecimalDigit(text[i]);
    if (text[i] == '_') {
      const bool before_digit = i + 1 < text.size() && (hexadecimal ? IsHexDigit(text[i + 1])
                                                                    : IsDecimalDigit(text[i + 1]));
      if (!after_digit || !before_digit) return false;
    }
    after_digit = digit;
  }
  room = text;
  std::erase(room, '_');
  text = room;
  return true;
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

std::optional<double> Special(std::string_view body, bool negative) {
  if (EqualsIgnoringCase(body, "nan")) return std::numeric_limits<double>::quiet_NaN();
  if (!EqualsIgnoringCase(body, "inf") && !EqualsIgnoringCase(body, "infinity")) return {};
  const double infinite = std::numeric_limits<double>::infinity();
  return negative ? -infinite : infinite;
}

// Digits of the shortest form and the place of its decimal point: 0.digits * 10^point.
struct Shortest {
  bool negative = false;
  std::array<char, 32> digits{};
  int count = 0;
  int point = 0;
};

Shortest ShortestOf(double value) {
  Shortest shortest;
  shortest.negative = std::signbit(value);
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value),
                                 std::chars_format::scientific)
                       .ptr;
  const char* at = buffer.data();
  for (; at < end && *at != 'e'; ++at) {
    if (*at != '.') shortest.digits[static_cast<std::size_t>(shortest.count++)] = *at;
  }
  ++at;
  if (*at == '+') ++at;
  int exponent = 0;
  std::from_chars(at, end, exponent);
  shortest.point = value == 0 ? 1 : exponent + 1;
  return shortest;
}

// Whether a float, written in its shortest form, has the digits of that integer.
bool HasDigits(double value, std::uint64_t integer) {
  const Shortest shortest = ShortestOf(value);
  std::uint64_t digits = 0;
  for (int i = 0; i < shortest.count; ++i) {
    digits = digits * 10 +
             static_cast<std::uint64_t>(shortest.digits[static_cast<std::size_t>(i)] - '0');
  }
  int length = 0;
  for (std::uint64_t left = integer; left > 0; left /= 10) ++length;
  while (integer % 10 == 0) integer /= 10;
  return digits == integer && length == shortest.point;
}

void AppendSpecial(std::string& out, double value) {
  out += std::isnan(value) ? "NaN" : value < 0 ? "-Inf" : "+Inf";
}

void AppendFixed(std::string& out, const Shortest& shortest) {
  if (shortest.negative) out += '-';
  const std::string_view digits(shortest.digits.data(), static_cast<std::size_t>(shortest.count));
  if (shortest.point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-shortest.point), '0');
    out += digits;
    return;
  }
  const auto whole = static_cast<std::size_t>(shortest.point);
  if (digits.size() <= whole) {
    out += digits;
    out.append(whole - digits.size(), '0');
    return;
  }
  out += digits.substr(0, whole);
  out += '.';
  out += digits.substr(whole);
}

// 1.5e+06; `least` digits in the exponent.
void AppendScientific(std::string& out, const Shortest& shortest, int least) {
  if (shortest.negative) out += '-';
  out += shortest.digits[0];
  if (shortest.count > 1) {
    out += '.';
    out.append(shortest.digits.data() + 1, static_cast<std::size_t>(shortest.count - 1));
  }
  int exponent = shortest.point - 1;
  out += exponent < 0 ? "e-" : "e+";
  exponent = std::abs(exponent);
  if (exponent < 10 && least > 1) out += '0';
  AppendInteger(out, exponent);
}

}  // namespace

std::optional<double> ParseFloat(std::string_view text) {
  std::string without;
  if (!DropUnderscores(text, without)) return {};
  std::string_view body = text;
  const bool negative = !body.empty() && body[0] == '-';
  if (negative || (!body.empty() && body[0] == '+')) body.remove_prefix(1);
  if (body.empty()) return {};
  std::chars_format format = std::chars_format::general;
  if (body.size() > 2 && body[0] == '0' && (body[1] | 0x20) == 'x') {
    body.remove_prefix(2);
    if (body.find_first_of("pP") == std::string_view::npos) return {};
    format = std::chars_format::hex;
  }
  if (!IsHexDigit(body[0]) && body[0] != '.') return Special(body, negative);
  if (format == std::chars_format::general && !IsDecimalDigit(body[0]) && body[0] != '.') return {};
  double value = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value, format);
  if (end != body.data() + body.size()) return {};
  if (error == std::errc::result_out_of_range) {
    // Too small is 0, too large is no number: strtod tells one from the other.
    const std::string copy = (format == std::chars_format::hex ? "0x" : "") + std::string(body);
    value = std::strtod(copy.c_str(), nullptr);
    if (std::isinf(value)) return {};
  } else if (error != std::errc()) {
    return {};
  }
  return negative ? -value : value;
}

std::optional<std::int64_t> ParseInteger(std::string_view text, int base) {
  std::string without;
  if (base == 0 && !DropUnderscores(text, without)) return {};
  std::string_view body = text;
  const bool negative = !body.empty() && body[0] == '-';
  if (negative || (!body.empty() && body[0] == '+')) body.remove_prefix(1);
  if (base == 0) {
    base = 10;
    if (body.size() > 1 && body[0] == '0') {
      const int letter = body[1] | 0x20;
      base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
      if (base != 10) body.remove_prefix(2);
    }
  }
  if (body.empty() || !IsHexDigit(body[0])) return {};
  std::uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(body.data(), body.data() + body.size(), magnitude, base);
  if (error != std::errc() || end != body.data() + body.size()) return {};
  const std::uint64_t most =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  if (magnitude > most) return {};
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

namespace {

// Most numbers of a record are small integers. False: not this one, nothing is appended.
bool AppendSmallInteger(std::string& out, double value) {
  constexpr double kMost = 1e15;
  if (!(std::fabs(value) < kMost) || (value == 0 && std::signbit(value))) return false;
  const auto integer = static_cast<std::int64_t>(value);
  if (static_cast<double>(integer) != value) return false;
  AppendInteger(out, integer);
  return true;
}

}  // namespace

void AppendPlain(std::string& out, double value) {
  if (AppendSmallInteger(out, value)) return;
  if (!std::isfinite(value)) return AppendSpecial(out, value);
  AppendFixed(out, ShortestOf(value));
}

void AppendShort(std::string& out, double value) {
  if (!std::isfinite(value)) return AppendSpecial(out, value);
  const Shortest shortest = ShortestOf(value);
  const int exponent = shortest.point - 1;
  if (exponent < -4 || exponent >= 6) return AppendScientific(out, shortest, 2);
  AppendFixed(out, shortest);
}

bool AppendJsonNumber(std::string& out, double value) {
  if (AppendSmallInteger(out, value)) return true;
  if (!std::isfinite(value)) return false;
  const double size = std::fabs(value);
  const Shortest shortest = ShortestOf(value);
  if (size != 0 && (size < 1e-6 || size >= 1e21)) {
    AppendScientific(out, shortest, 1);
  } else {
    AppendFixed(out, shortest);
  }
  return true;
}

void AppendInteger(std::string& out, std::int64_t value) {
  std::array<char, 24> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

void AppendWide(std::string& out, const Value& wide) {
  std::array<char, 24> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), wide.magnitude).ptr;
  if (wide.of != 0) out += '-';
  out.append(buffer.data(), end);
}

Value RecordInteger(bool negative, std::uint64_t magnitude) {
  constexpr std::uint64_t kAlwaysExact = std::uint64_t{1} << 53U;
  const auto rounded = static_cast<double>(magnitude);
  if (magnitude > kAlwaysExact && !HasDigits(rounded, magnitude)) {
    return Value::Wide(negative, magnitude);
  }
  return Value::Float(negative ? -rounded : rounded);
}

std::optional<Value> RecordNumber(std::string_view json) {
  const bool negative = json[0] == '-';
  const std::string_view digits = json.substr(negative ? 1 : 0);
  if (json.find_first_of(".eE") == std::string_view::npos && digits.size() <= 20) {
    std::uint64_t magnitude = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
    if (error == std::errc()) return RecordInteger(negative, magnitude);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc()) {
    const std::optional<double> parsed = ParseFloat(json);
    if (!parsed) return {};
    return Value::Float(*parsed);
  }
  return Value::Float(negative ? -value : value);
}

std::optional<std::int64_t> Truncated(double value) {
  // Not-a-number fails both comparisons.
  if (value >= -9223372036854775808.0 && value < 9223372036854775808.0) {
    return static_cast<std::int64_t>(value);
  }
  return {};
}

std::optional<std::int64_t> TruncatedNumber(const Value& number) {
  switch (number.kind) {
    case Kind::kFloat:
      return Truncated(number.number);
    case Kind::kWide: {
      constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
      const bool negative = number.of != 0;
      if (number.magnitude > kMost + (negative ? 1 : 0)) return {};
      return static_cast<std::int64_t>(negative ? 0 - number.magnitude : number.magnitude);
    }
    default:
      return number.integer;
  }
}

}  // namespace penstock::expr
