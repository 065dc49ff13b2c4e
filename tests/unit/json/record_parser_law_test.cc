// The law of the parser: however a record is written down (order of members, white space, escapes,
// notation of numbers, members nobody asked for, earlier ones of the same name), its cells are the
// values that it was made from.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "json/record_parser.h"
#include "json_fixture.h"

namespace penstock::json {
namespace {

class Scribe {
 public:
  explicit Scribe(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t bound) { return random_() % bound; }
  bool Sometimes(std::size_t one_in) { return Below(one_in) == 0; }
  std::uint64_t Bits() { return random_() >> Below(64); }

  std::string Space() {
    constexpr std::string_view kSpaces[] = {"", "", "", " ", "\n", "\t  ", "\r\n"};
    return std::string(kSpaces[Below(std::size(kSpaces))]);
  }

  // Characters of every length in UTF-8, and those that must or may be escaped.
  std::u32string Characters() {
    constexpr std::u32string_view kTelling = U"\"\\/\b\f\n\r\t{}[]:, é€🚀\u0000\u001F\u007F\uFFFF";
    std::u32string text;
    for (std::size_t n = Below(Sometimes(8) ? 90 : 12); n > 0; --n) {
      text +=
          Sometimes(4) ? kTelling[Below(kTelling.size())] : static_cast<char32_t>('a' + Below(26));
    }
    return text;
  }

  static std::string Utf8(std::u32string_view text) {
    std::string out;
    for (const char32_t c : text) {
      if (c < 0x80) {
        out += static_cast<char>(c);
      } else if (c < 0x800) {
        out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
      } else if (c < 0x10000) {
        out += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                static_cast<char>(0x80 | (c & 0x3F))};
      } else {
        out += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
                static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
      }
    }
    return out;
  }

  std::string Quoted(std::u32string_view text) {
    std::string out = "\"";
    const bool many_escapes = Sometimes(3);
    for (const char32_t c : text) {
      const bool must = c < 0x20 || c == '"' || c == '\\';
      if (!must && !(many_escapes && Sometimes(3))) {
        out += Utf8({&c, 1});
      } else if ((c == '"' || c == '\\' || c == '/') && Sometimes(2)) {
        out += {'\\', static_cast<char>(c)};
      } else if (c == '\n' && Sometimes(2)) {
        out += "\\n";
      } else if (c < 0x10000) {
        out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c));
      } else {
        const auto rest = static_cast<std::uint32_t>(c) - 0x10000;
        out += fmt::format("\\u{:04X}\\u{:04x}", 0xD800 + rest / 1024, 0xDC00 + rest % 1024);
      }
    }
    return out + '"';
  }
  std::string Quoted(std::string_view ascii) {
    return Quoted(std::u32string(ascii.begin(), ascii.end()));
  }

  // The same integer in another notation.
  std::string Integer(std::uint64_t magnitude, bool negative) {
    std::string digits = fmt::format("{}", magnitude);
    std::string text = negative ? "-" : "";
    switch (Below(5)) {
      case 0:
        return text + digits + ".000";
      case 1:
        return text + digits + (magnitude == 0 ? "E-2" : "00E-2");
      case 2:
        return text + digits.substr(0, 1) + "." + digits.substr(1) + "0" +
               fmt::format("e+{}", digits.size() - 1);
      default:
        return text + digits;
    }
  }

  // Any well-formed value, for members that nobody reads.
  std::string Anything(int depth = 0) {
    switch (Below(depth < 4 ? 7 : 5)) {
      case 0:
        return Quoted(Characters());
      case 1:
        return Integer(Bits(), Sometimes(2));
      case 2:
        return fmt::format("{}", std::ldexp(static_cast<double>(Bits()), -30));
      case 3:
        return Sometimes(2) ? "true" : "false";
      case 4:
        return "null";
      case 5:
        return Array(depth);
      default:
        return Object(depth);
    }
  }
  std::string Array(int depth = 0) {
    std::string out = "[";
    for (std::size_t n = Below(4); n > 0; --n) {
      out += Space() + Anything(depth + 1) + Space() + (n > 1 ? "," : "");
    }
    return out + "]";
  }
  std::string Object(int depth = 0) {
    std::string out = "{" + Space();
    for (std::size_t n = Below(4); n > 0; --n) {
      out += Member(Quoted(Characters()), Anything(depth + 1)) + (n > 1 ? "," : "");
    }
    return out + "}";
  }

  std::string Member(std::string_view name, std::string_view value) {
    return fmt::format("{}{}{}:{}{}{}", Space(), name, Space(), Space(), value, Space());
  }

  std::string Joined(std::vector<std::string> members) {
    std::shuffle(members.begin(), members.end(), random_);
    std::string out = "{";
    for (std::size_t i = 0; i < members.size(); ++i) out += (i == 0 ? "" : ",") + members[i];
    return out + (members.empty() ? Space() : "") + "}";
  }

 private:
  std::mt19937_64 random_;
};

struct Written {
  std::string json;
  std::string shown;
};

Written ValueFor(FieldType type, Scribe& scribe) {
  switch (type) {
    case FieldType::kString: {
      const std::u32string text = scribe.Characters();
      return {scribe.Quoted(text), "string \"" + Scribe::Utf8(text) + "\""};
    }
    case FieldType::kBool: {
      const std::string text = scribe.Sometimes(2) ? "true" : "false";
      return {text, text};
    }
    case FieldType::kInt64: {
      const auto value = static_cast<std::int64_t>(scribe.Bits());
      const auto bits = static_cast<std::uint64_t>(value);
      return {scribe.Integer(value < 0 ? 0 - bits : bits, value < 0), fmt::format("int {}", value)};
    }
    case FieldType::kUint64: {
      const std::uint64_t value = scribe.Bits();
      return {scribe.Integer(value, false), fmt::format("uint {}", value)};
    }
    case FieldType::kFloat64: {
      double value = 0;
      const std::uint64_t bits = scribe.Bits();
      std::memcpy(&value, &bits, sizeof value);
      if (!std::isfinite(value)) value = -2.5;
      return {fmt::format("{}", value), fmt::format("float {}", value)};
    }
    case FieldType::kArray: {
      const std::string text = scribe.Array();
      return {text, "json " + text};
    }
    default: {
      const std::string text = scribe.Object();
      return {text, "json " + text};
    }
  }
}

constexpr FieldType kTypes[] = {FieldType::kString, FieldType::kBool,    FieldType::kInt64,
                                FieldType::kUint64, FieldType::kFloat64, FieldType::kArray,
                                FieldType::kMap};

// Fields f0, f1 … of any type, those of one letter, and paths of up to three names.
SourcePlan RandomPlan(Scribe& scribe) {
  SourcePlan plan;
  for (std::size_t i = 0, n = 1 + scribe.Below(12); i < n; ++i) {
    std::string name = fmt::format("field_{}", i);
    if (scribe.Sometimes(4)) name += "_whose_name_is_longer_than_most";
    if (scribe.Sometimes(3)) name = fmt::format("path.f{}", i);
    if (scribe.Sometimes(5)) name = fmt::format("path.inner.f{}", i);
    PlannedField field = testing::Field(name, kTypes[scribe.Below(std::size(kTypes))]);
    field.optional = scribe.Sometimes(2);
    plan.fields.push_back(std::move(field));
  }
  return plan;
}

// One record of the plan, and what its cells must show.
Written RandomRecord(const SourcePlan& plan, Scribe& scribe) {
  std::vector<std::string> top;
  std::vector<std::string> path;
  std::vector<std::string> inner;
  Written record;
  for (const PlannedField& field : plan.fields) {
    Written value = ValueFor(field.type, scribe);
    const bool null = field.optional && scribe.Sometimes(5);
    const bool absent = !null && field.optional && scribe.Sometimes(5);
    if (null) value = {"null", "null"};
    if (absent) value.shown = "absent";
    record.shown += (record.shown.empty() ? "" : " | ") + value.shown;
    if (absent) continue;
    const std::size_t dot = field.name.rfind('.');
    const bool literal = dot == std::string::npos || scribe.Sometimes(3);
    auto& members = literal ? top : field.name.starts_with("path.inner.") ? inner : path;
    const std::string name = scribe.Quoted(literal ? field.name : field.name.substr(dot + 1));
    std::string member = scribe.Member(name, value.json);
    // An earlier member of the same name, whatever it says, does not count.
    if (scribe.Sometimes(6)) member.insert(0, scribe.Member(name, scribe.Anything()) + ",");
    members.push_back(std::move(member));
  }
  if (!inner.empty()) path.push_back(scribe.Member("\"inner\"", scribe.Joined(inner)));
  for (std::size_t n = scribe.Below(3); n > 0; --n) {
    top.push_back(scribe.Member(fmt::format("\"extra {}\"", n), scribe.Anything()));
  }
  if (!path.empty()) top.push_back(scribe.Member("\"path\"", scribe.Joined(path)));
  record.json = scribe.Space() + scribe.Joined(top) + scribe.Space();
  return record;
}

TEST(RecordParserLawTest, CellsAreTheValuesHoweverTheRecordIsWritten) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Scribe scribe(seed);
    const SourcePlan plan = RandomPlan(scribe);
    RecordParser parser = testing::ParserFor(plan);
    for (int i = 0; i < 10; ++i) {
      const Written record = RandomRecord(plan, scribe);
      ASSERT_EQ(testing::ShowAll(parser.Parse(record.json)), record.shown)
          << "seed=" << seed << " record " << i << ": " << record.json;
    }
  }
}

// What a producer or a broken disk may cut off is never taken for a shorter record.
TEST(RecordParserLawTest, NoPrefixOfARecordIsARecord) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Scribe scribe(seed);
    const SourcePlan plan = RandomPlan(scribe);
    RecordParser parser = testing::ParserFor(plan);
    Written record = RandomRecord(plan, scribe);
    while (record.json.back() != '}') record.json.pop_back();
    for (std::size_t size = 0; size < record.json.size(); ++size) {
      const auto cells = parser.Parse(std::string_view(record.json).substr(0, size));
      ASSERT_FALSE(cells.ok()) << "seed=" << seed << " size=" << size << ": " << record.json;
      ASSERT_EQ(cells.error().code, "parse_error");
    }
    ASSERT_EQ(testing::ShowAll(parser.Parse(record.json)), record.shown) << "seed=" << seed;
  }
}

}  // namespace
}  // namespace penstock::json
