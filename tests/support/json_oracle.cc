#include "support/json_oracle.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/format.h"
#include "base/text.h"

namespace penstock::testing {

namespace {

using Kind = JsonValue::Kind;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool ReadAll(JsonValue& value) {
    Space();
    if (!Value(value)) return false;
    Space();
    return at_ == text_.size();
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void Space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(Peek()) != std::string_view::npos)
      ++at_;
  }
  bool Take(std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  bool Value(JsonValue& value) {
    const std::size_t begin = at_;
    if (++depth_ > kMaxDepth) return false;
    const bool ok = ValueOfAnyKind(value);
    --depth_;
    value.raw = std::string(text_.substr(begin, at_ - begin));
    return ok;
  }

  bool ValueOfAnyKind(JsonValue& value) {
    switch (Peek()) {
      case '{':
        return value.kind = Kind::kObject, Object(value);
      case '[':
        return value.kind = Kind::kArray, Array(value);
      case '"':
        return value.kind = Kind::kString, String(value.text);
      case 't':
        value.boolean = true;
        return value.kind = Kind::kBool, Take("true");
      case 'f':
        return value.kind = Kind::kBool, Take("false");
      case 'n':
        return Take("null");
      default:
        return value.kind = Kind::kNumber, Number();
    }
  }

  bool Object(JsonValue& value) {
    Take("{");
    Space();
    if (Take("}")) return true;
    while (true) {
      Space();
      auto& [name, member] = value.members.emplace_back();
      if (!String(name)) return false;
      Space();
      if (!Take(":")) return false;
      Space();
      if (!Value(member)) return false;
      Space();
      if (Take("}")) return true;
      if (!Take(",")) return false;
    }
  }

  bool Array(JsonValue& value) {
    Take("[");
    Space();
    if (Take("]")) return true;
    while (true) {
      Space();
      if (!Value(value.items.emplace_back())) return false;
      Space();
      if (Take("]")) return true;
      if (!Take(",")) return false;
    }
  }

  bool Digits() {
    const std::size_t begin = at_;
    while (Peek() >= '0' && Peek() <= '9') ++at_;
    return at_ > begin;
  }

  [[gnu::noinline]] bool Number() {
    Take("-");
    if (!Take("0") && !Digits()) return false;
    if (Take(".") && !Digits()) return false;
    if (!Take("e") && !Take("E")) return true;
    if (!Take("+")) Take("-");
    return Digits();
  }

  // Not inlined, and neither is Number: their locals would be on the stack once a level.
  [[gnu::noinline]] bool String(std::string& out) {
    if (!Take("\"")) return false;
    std::vector<std::uint32_t> halves;  // Code units of escapes in a row, for surrogates.
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\\' && Peek() == 'u') {
        std::uint32_t unit = 0;
        if (!Unit(unit)) return false;
        halves.push_back(unit);
        continue;
      }
      Flush(halves, out);
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out.push_back(c);
        continue;
      }
      const std::size_t which = std::string_view("\"\\/bfnrt").find(Peek());
      if (at_ == text_.size() || which == std::string_view::npos) return false;
      out.push_back("\"\\/\b\f\n\r\t"[which]);
      ++at_;
    }
    return false;
  }

  bool Unit(std::uint32_t& unit) {
    ++at_;
    const std::string digits(text_.substr(at_, 4));
    if (digits.size() < 4) return false;
    if (digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) return false;
    unit = static_cast<std::uint32_t>(std::strtoul(digits.c_str(), nullptr, 16));
    at_ += 4;
    return true;
  }

  static void Flush(std::vector<std::uint32_t>& units, std::string& out) {
    for (std::size_t i = 0; i < units.size(); ++i) {
      std::uint32_t code = units[i];
      const bool high = code >= 0xD800 && code < 0xDC00;
      if (high && i + 1 < units.size() && units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000) {
        code = 0x10000 + (code - 0xD800) * 0x400 + (units[++i] - 0xDC00);
      } else if (code >= 0xD800 && code < 0xE000) {
        code = 0xFFFD;
      }
      AppendCodePoint(code, out);
    }
    units.clear();
  }

  static void AppendCodePoint(std::uint32_t code, std::string& out) {
    const auto tail = [&](unsigned shift) {
      out.push_back(static_cast<char>(0x80 + (code >> shift) % 64));
    };
    if (code < 0x80) {
      out.push_back(static_cast<char>(code));
    } else if (code < 0x800) {
      out.push_back(static_cast<char>(0xC0 + code / 64));
      tail(0);
    } else if (code < 0x10000) {
      out.push_back(static_cast<char>(0xE0 + code / 4096));
      tail(6);
      tail(0);
    } else {
      out.push_back(static_cast<char>(0xF0 + code / 262144));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  // This reader is recursive. The parser's own bound is lower.
  static constexpr std::size_t kMaxDepth = 1200;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
};

// A number written out in full: its digits before and after the point, without zeros at the ends.
struct PlainNumber {
  bool negative = false;
  std::string whole;
  bool fraction = false;
};

// Empty: more than a thousand digits, far out of any range.
std::optional<PlainNumber> WriteOut(const std::string& raw) {
  PlainNumber number;
  number.negative = raw.front() == '-';
  const std::size_t e = std::min(raw.find_first_of("eE"), raw.size());
  std::string digits = raw.substr(number.negative ? 1 : 0, e - (number.negative ? 1 : 0));
  const std::size_t point = std::min(digits.find('.'), digits.size());
  if (point < digits.size()) digits.erase(point, 1);
  double exponent = e < raw.size() ? std::strtod(raw.c_str() + e + 1, nullptr) : 0;
  const bool zero = digits.find_first_not_of('0') == std::string::npos;
  if (zero) return number;
  exponent += static_cast<double>(point);
  if (exponent > 1000.0 + static_cast<double>(digits.size())) return std::nullopt;
  if (exponent < 0) {
    number.fraction = true;
    return number;
  }
  const auto before = static_cast<std::size_t>(exponent);
  if (before > digits.size()) digits.resize(before, '0');
  number.whole = digits.substr(0, before);
  number.whole.erase(0, std::min(number.whole.find_first_not_of('0'), number.whole.size()));
  number.fraction = digits.find_first_not_of('0', before) != std::string::npos;
  return number;
}

bool AtMost(const std::string& digits, std::string_view bound) {
  return digits.size() != bound.size() ? digits.size() < bound.size() : digits <= bound;
}

// Empty: the value is not the field's.
std::optional<std::string> ShowNumber(const PlannedField& field, const std::string& raw) {
  if (field.physical == PhysicalType::kFloat64) {
    const double value = std::strtod(raw.c_str(), nullptr);
    if (std::isinf(value)) return std::nullopt;
    return fmt::format("float {}", value);
  }
  const auto number = WriteOut(raw);
  if (!number || (number->fraction && !field.drop_fraction)) return std::nullopt;
  const std::string digits = number->whole.empty() ? "0" : number->whole;
  const bool negative = number->negative && digits != "0";
  if (field.physical == PhysicalType::kUint64) {
    if (negative || !AtMost(digits, "18446744073709551615")) return std::nullopt;
    return "uint " + digits;
  }
  if (!AtMost(digits, negative ? "9223372036854775808" : "9223372036854775807")) {
    return std::nullopt;
  }
  return "int " + std::string(negative ? "-" : "") + digits;
}

Kind KindFor(FieldType type) {
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
      return Kind::kString;
    case FieldType::kBool:
      return Kind::kBool;
    case FieldType::kArray:
      return Kind::kArray;
    case FieldType::kMap:
      return Kind::kObject;
    default:
      return Kind::kNumber;
  }
}

std::optional<std::string> ShowValue(const PlannedField& field, const JsonValue& value) {
  if (value.kind != KindFor(field.type)) return std::nullopt;
  if (!field.sent) return "";
  if (field.physical == PhysicalType::kJson) return "json " + value.raw;
  if (value.kind == Kind::kBool) return value.boolean ? "true" : "false";
  if (value.kind == Kind::kString) return "string \"" + value.text + "\"";
  return ShowNumber(field, value.raw);
}

const JsonValue* FindField(const JsonValue& record, std::string_view name) {
  if (const JsonValue* literal = record.Last(name)) return literal;
  const JsonValue* value = &record;
  while (value != nullptr) {
    const std::size_t dot = name.find('.');
    value = value->Last(name.substr(0, dot));
    if (dot == std::string_view::npos) return value;
    name.remove_prefix(dot + 1);
  }
  return nullptr;
}

std::optional<std::string> ShowField(const PlannedField& field, const JsonValue& record) {
  const JsonValue* const found = FindField(record, field.name);
  if (found != nullptr && found->kind != Kind::kNull) return ShowValue(field, *found);
  if (field.default_json) {
    const auto fallback = ReadJson(*field.default_json);
    return fallback->kind == Kind::kNull ? "null" : ShowValue(field, *fallback);
  }
  if (!field.optional) return std::nullopt;
  return found == nullptr ? "absent" : "null";
}

}  // namespace

const JsonValue* JsonValue::Last(std::string_view name) const {
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    if (member->name == name) return &member->value;
  }
  return nullptr;
}

std::optional<JsonValue> ReadJson(std::string_view text) {
  JsonValue value;
  if (!IsUtf8(text) || !Reader(text).ReadAll(value)) return std::nullopt;
  return value;
}

ExpectedRecord Expect(const SourcePlan& plan, std::string_view record) {
  using Verdict = ExpectedRecord::Verdict;
  const auto value = ReadJson(record);
  if (!value || value->kind != Kind::kObject) return {Verdict::kParseError, {}};
  ExpectedRecord expected;
  for (const PlannedField& field : plan.fields) {
    auto shown = ShowField(field, *value);
    if (!shown) return {Verdict::kSchemaMismatch, {}};
    if (field.sent) expected.cells.push_back(std::move(*shown));
  }
  return expected;
}

std::string ShowCell(const Cell& cell) {
  if (cell.presence != Presence::kValue) {
    return cell.presence == Presence::kNull ? "null" : "absent";
  }
  switch (cell.type) {
    case PhysicalType::kBool:
      return cell.boolean ? "true" : "false";
    case PhysicalType::kInt64:
      return fmt::format("int {}", cell.int64);
    case PhysicalType::kUint64:
      return fmt::format("uint {}", cell.uint64);
    case PhysicalType::kFloat64:
      return fmt::format("float {}", cell.float64);
    case PhysicalType::kString:
      return fmt::format("string \"{}\"", cell.text);
    case PhysicalType::kJson:
      return fmt::format("json {}", cell.text);
  }
  return "";
}

}  // namespace penstock::testing
