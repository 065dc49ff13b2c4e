#include "protocol/key_bytes.h"

#include <charconv>
#include <cmath>

#include "base/bytes.h"
#include "base/format.h"

namespace penstock::protocol {

namespace {

bool IsNumber(std::string_view json) {
  return !json.empty() && (json.front() == '-' || (json.front() >= '0' && json.front() <= '9'));
}

// Digits without zeros at either end, times a power of ten.
std::string NumberByValue(std::string_view json) {
  const bool negative = json.front() == '-';
  std::string digits;
  std::int64_t exponent = 0;
  bool fraction = false;
  std::size_t at = negative ? 1 : 0;
  for (; at < json.size() && json[at] != 'e' && json[at] != 'E'; ++at) {
    if (json[at] == '.') {
      fraction = true;
      continue;
    }
    if (fraction) --exponent;
    if (!digits.empty() || json[at] != '0') digits.push_back(json[at]);
  }
  if (digits.empty()) return "0";
  if (at < json.size()) {
    std::string_view written = json.substr(at + 1);
    if (written.starts_with('+')) written.remove_prefix(1);
    std::int64_t power = 0;
    const auto read = std::from_chars(written.data(), written.data() + written.size(), power);
    // An exponent that no number has: such a text is its own value.
    if (read.ec != std::errc()) return std::string(json);
    exponent += power;
  }
  while (digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  return fmt::format("{}{}e{}", negative ? "-" : "", digits, exponent);
}

// Below it every whole number has a double of its own.
constexpr double kWholeBelow = 9007199254740992.0;

std::string TextOf(double value) {
  const bool whole = std::trunc(value) == value && std::fabs(value) < kWholeBelow;
  return whole ? fmt::format("{}", static_cast<std::int64_t>(value)) : fmt::format("{}", value);
}

// Of a JSON number: a whole one keeps its digits, however many there are.
std::string TextOfNumber(std::string_view json) {
  if (json.find_first_of(".eE") == json.npos) return std::string(json == "-0" ? "0" : json);
  double value = 0;
  std::from_chars(json.data(), json.data() + json.size(), value);
  return TextOf(value);
}

}  // namespace

void AppendKeyPart(std::string& out, const Cell& cell) {
  if (FixedWidth(cell.type) != 0) {
    AppendFixed(out, cell.uint64);
  } else if (cell.type == PhysicalType::kJson && IsNumber(cell.text)) {
    AppendString(out, NumberByValue(cell.text));
  } else {
    AppendString(out, cell.text);
  }
}

void AppendKeyText(std::string& out, const Cell& cell) {
  switch (cell.type) {
    case PhysicalType::kBool:
      return AppendString(out, cell.uint64 != 0 ? "true" : "false");
    case PhysicalType::kInt64:
      return AppendString(out, fmt::format("{}", cell.int64));
    case PhysicalType::kUint64:
      return AppendString(out, fmt::format("{}", cell.uint64));
    case PhysicalType::kFloat64:
      return AppendString(out, TextOf(cell.float64));
    case PhysicalType::kJson:
      return AppendString(out, IsNumber(cell.text) ? TextOfNumber(cell.text) : cell.text);
    case PhysicalType::kString:
      return AppendString(out, cell.text);
  }
}

}  // namespace penstock::protocol
