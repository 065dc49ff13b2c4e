#include <ctime>
#include <random>
#include <set>
#include <sstream>

#include "base/text.h"
#include "clickhouse/json_reader.h"
#include "real_table.h"

namespace penstock::clickhouse {
namespace {

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

// Makes types, and values of them as the server shows them (toJSONString): the same text goes in.
class TypeMaker {
 public:
  explicit TypeMaker(std::mt19937_64& random) : random_(random) {}

  std::size_t Below(std::size_t bound) { return random_() % bound; }

  std::string Type(int depth = 0) {
    const std::size_t kind = Below(depth < 3 ? 10 : 7);
    if (kind == 7 || kind == 8) return fmt::format("Array({})", Type(depth + 1));
    if (kind == 9) return fmt::format("Map({}, {})", Key(), Type(depth + 1));
    const std::string leaf = Leaf();
    const bool dictionary = leaf == "String" || leaf.starts_with("FixedString") ||
                            leaf.starts_with("Int") || leaf.starts_with("UInt") || leaf == "Date";
    if (kind == 0) return fmt::format("Nullable({})", leaf);
    if (kind == 1 && dictionary) return fmt::format("LowCardinality({})", leaf);
    if (kind == 2 && dictionary) return fmt::format("LowCardinality(Nullable({}))", leaf);
    return leaf;
  }

  std::string Value(const std::string& type) {
    if (const std::string inner = Inside(type, "Nullable("); !inner.empty()) {
      return Below(3) == 0 ? "null" : Value(inner);
    }
    if (const std::string inner = Inside(type, "LowCardinality("); !inner.empty()) {
      return Value(inner);
    }
    if (const std::string inner = Inside(type, "Array("); !inner.empty()) {
      std::string text = "[";
      for (std::size_t i = Below(4); i > 0; --i) text += Value(inner) + (i > 1 ? "," : "");
      return text + "]";
    }
    if (const std::string inner = Inside(type, "Map("); !inner.empty()) return MapValue(inner);
    return LeafValue(type);
  }

 private:
  static std::string Inside(const std::string& type, std::string_view head) {
    if (!type.starts_with(head)) return {};
    return type.substr(head.size(), type.size() - head.size() - 1);
  }

  std::string MapValue(const std::string& inner) {
    // Key types have no comma but Enum's, which is behind brackets.
    std::size_t comma = 0;
    for (int open = 0; inner[comma] != ',' || open > 0; ++comma) {
      open += inner[comma] == '(' ? 1 : inner[comma] == ')' ? -1 : 0;
    }
    std::string text = "{";
    std::set<std::string> keys;
    for (std::size_t i = Below(4); i > 0; --i) {
      std::string key = Value(inner.substr(0, comma));
      if (key.front() != '"') key = "\"" + key + "\"";
      if (!keys.insert(key).second) continue;
      if (text.size() > 1) text.push_back(',');
      text += key + ":" + Value(inner.substr(comma + 2));
    }
    return text + "}";
  }

  std::string Key() {
    constexpr const char* kKeys[] = {"String",        "LowCardinality(String)",  "Int32",
                                     "UUID",          "Enum8('a' = 1, 'b' = 2)", "Date",
                                     "FixedString(3)"};
    return kKeys[Below(7)];
  }

  std::string Leaf() {
    constexpr const char* kLeaves[] = {"Bool",
                                       "Int8",
                                       "Int16",
                                       "Int32",
                                       "Int64",
                                       "UInt8",
                                       "UInt16",
                                       "UInt32",
                                       "UInt64",
                                       "Float32",
                                       "Float64",
                                       "String",
                                       "String",
                                       "FixedString(3)",
                                       "UUID",
                                       "Enum8('it''s' = -5, 'b' = 2)",
                                       "Enum16('x' = 1000, 'y' = -1000)",
                                       "DateTime",
                                       "DateTime('UTC')",
                                       "DateTime64(3)",
                                       "DateTime64(9, 'UTC')",
                                       "DateTime64(0)",
                                       "Date",
                                       "Date32"};
    return kLeaves[Below(24)];
  }

  std::string Time(std::int64_t first, std::int64_t last, const char* format, int digits) {
    const auto span = static_cast<std::uint64_t>(last - first);
    const std::time_t seconds = first + static_cast<std::int64_t>(random_() % span);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    std::strftime(text, sizeof(text), format, &parts);
    std::string out(text);
    if (digits > 0) {
      std::size_t bound = 1;
      for (int i = 0; i < digits; ++i) bound *= 10;
      out += fmt::format(".{:0{}}", Below(bound), digits);
    }
    return Quoted(out);
  }

  template <typename T>
  std::string Number() {
    return fmt::format("{}", static_cast<T>(random_() >> Below(64)));
  }

  std::string Text(std::size_t size) {
    constexpr std::string_view kParts[] = {"a", "Z", " ", "\"", "\\", "\n", "é", "日", "😀", "/"};
    std::string text;
    for (; size > 0; --size) text += kParts[Below(10)];
    return text;
  }

  std::string LeafValue(const std::string& type) {
    constexpr const char* kMoment = "%Y-%m-%d %H:%M:%S";
    constexpr std::int64_t kFirst = -2'208'988'800;
    constexpr std::int64_t kLast = 10'413'791'999;
    if (type == "Bool") return Below(2) == 0 ? "false" : "true";
    if (type == "Int8") return fmt::format("{}", static_cast<int>(Below(256)) - 128);
    if (type == "UInt8") return fmt::format("{}", Below(256));
    if (type == "Int16") return Number<std::int16_t>();
    if (type == "Int32") return Number<std::int32_t>();
    if (type == "Int64") return Number<std::int64_t>();
    if (type == "UInt16") return Number<std::uint16_t>();
    if (type == "UInt32") return Number<std::uint32_t>();
    if (type == "UInt64") return Number<std::uint64_t>();
    if (type.starts_with("Float"))
      return fmt::format("{}", static_cast<int>(Below(20000)) / 4.0 - 2000);
    if (type == "String") return Quoted(Text(Below(6)));
    if (type == "FixedString(3)") return Quoted(std::string(3, static_cast<char>('a' + Below(20))));
    if (type == "UUID") {
      return fmt::format("\"{:08x}-{:04x}-{:04x}-{:04x}-{:012x}\"", Below(1ULL << 32), Below(65536),
                         Below(65536), Below(65536), Below(1ULL << 48));
    }
    if (type.starts_with("Enum8('a'")) return Below(2) == 0 ? "\"a\"" : "\"b\"";
    if (type.starts_with("Enum8")) return Below(2) == 0 ? "\"it's\"" : "\"b\"";
    if (type.starts_with("Enum16")) return Below(2) == 0 ? "\"x\"" : "\"y\"";
    if (type == "DateTime64(3)") return Time(kFirst, kLast, kMoment, 3);
    if (type == "DateTime64(0)") return Time(kFirst, kLast, kMoment, 0);
    if (type.starts_with("DateTime64(9")) return Time(kFirst, 9'223'372'036, kMoment, 9);
    if (type.starts_with("DateTime")) return Time(0, 4'294'967'296, kMoment, 0);
    if (type == "Date") return Time(0, 65'536LL * 86'400, "%Y-%m-%d", 0);
    return Time(kFirst, kLast, "%Y-%m-%d", 0);
  }

  std::mt19937_64& random_;
};

// Scalars travel as cells of their own kind or as JSON, the rest as JSON.
SourceColumn MakeSource(const std::string& name, const std::string& type,
                        const std::vector<std::string>& values, bool as_json) {
  const std::string inner =
      type.find('(') == std::string::npos ? type : type.substr(type.rfind('(') + 1);
  const bool nested = type.starts_with("Array") || type.starts_with("Map");
  const bool is_unsigned = !nested && inner.starts_with("UInt");
  const bool is_signed = !nested && inner.starts_with("Int");
  PhysicalType physical = PhysicalType::kString;
  FieldType field = FieldType::kString;
  if (nested) {
    physical = PhysicalType::kJson;
    field = type.starts_with("Map") ? FieldType::kMap : FieldType::kArray;
  } else if (is_unsigned || is_signed) {
    physical = is_unsigned ? PhysicalType::kUint64 : PhysicalType::kInt64;
    field = is_unsigned ? FieldType::kUint64 : FieldType::kInt64;
  } else if (inner.starts_with("Float")) {
    physical = PhysicalType::kFloat64;
    field = FieldType::kFloat64;
  } else if (inner.starts_with("Bool")) {
    physical = PhysicalType::kBool;
    field = FieldType::kBool;
  }
  if (as_json) physical = PhysicalType::kJson;
  Column column(name, physical);
  for (const std::string& value : values) {
    std::string text = value;
    if (value == "null") {
      column.Append(Cell::Missing(Presence::kNull));
    } else if (physical == PhysicalType::kJson) {
      column.Append(Cell::Json(value));
    } else if (physical == PhysicalType::kUint64) {
      column.Append(Cell::Uint64(std::stoull(value)));
    } else if (physical == PhysicalType::kInt64) {
      column.Append(Cell::Int64(std::stoll(value)));
    } else if (physical == PhysicalType::kFloat64) {
      column.Append(Cell::Float64(std::stod(value)));
    } else if (physical == PhysicalType::kBool) {
      column.Append(Cell::Bool(value == "true"));
    } else {
      text.clear();
      EXPECT_TRUE(AppendUnescaped(std::string_view(value).substr(1, value.size() - 2), text));
      column.Append(Cell::String(text));
    }
  }
  return {std::move(column), field};
}

// The law: what goes in is what the server shows, for random types and values.
TEST(RealTypesTest, TheServerShowsWhatWasInserted) {
  SKIP_WITHOUT_SERVER();
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    TypeMaker maker(random);
    const std::size_t rows = 1 + maker.Below(seed % 5 == 0 ? 1000 : 30);
    std::string definition = "(n UInt32";
    std::string shown;
    std::vector<std::string> types;
    std::vector<std::vector<std::string>> values(8);
    std::vector<std::string> numbers;
    for (std::size_t row = 0; row < rows; ++row) numbers.push_back(fmt::format("{}", row));
    std::vector<SourceColumn> sources;
    sources.push_back(MakeSource("n", "UInt32", numbers, false));
    for (std::size_t i = 0; i < values.size(); ++i) {
      types.push_back(maker.Type());
      definition += fmt::format(", c{} {}", i, types[i]);
      shown += fmt::format(", ifNull(toJSONString(c{}), 'null')", i);
      for (std::size_t row = 0; row < rows; ++row) values[i].push_back(maker.Value(types[i]));
      sources.push_back(
          MakeSource(fmt::format("c{}", i), types[i], values[i], maker.Below(2) == 0));
    }
    RealTable table(definition +
                    ") ENGINE = MergeTree ORDER BY n "
                    "SETTINGS allow_suspicious_low_cardinality_types = 1");
    const EncodedBlock block =
        BlockFor(table.Describe(), sources, static_cast<BodyCodec>(seed % 3));
    const InsertOutcome outcome = InsertBlock(table, sources, block, "");
    ASSERT_TRUE(outcome.ok) << definition << "\n" << outcome.message;
    ASSERT_EQ(outcome.written_rows, rows);
    const std::string answer = table.Ask("SELECT n" + shown +
                                         " FROM {} ORDER BY n SETTINGS "
                                         "output_format_json_quote_64bit_integers = 0, "
                                         "output_format_json_escape_forward_slashes = 0 "
                                         "FORMAT TSVRaw");
    std::istringstream lines(answer);
    for (std::size_t row = 0; row < rows; ++row) {
      std::string expected = numbers[row];
      for (const auto& column : values) expected += "\t" + column[row];
      std::string line;
      std::getline(lines, line);
      ASSERT_EQ(line, expected) << definition;
    }
  }
}

}  // namespace
}  // namespace penstock::clickhouse
