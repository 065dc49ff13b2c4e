#include <algorithm>
#include <sstream>

#include "base/text.h"
#include "clickhouse/json_reader.h"
#include "random_type.h"
#include "real_table.h"
#include "support/json_oracle.h"

namespace penstock::clickhouse {
namespace {

using testing::JsonValue;

// The same value in one form: members by name, strings escaped in one way, numbers as they are.
std::string Canonical(const JsonValue& value) {
  std::string out;
  if (value.kind == JsonValue::Kind::kString) {
    AppendJsonString(out, value.text);
    return out;
  }
  if (value.kind == JsonValue::Kind::kArray) {
    for (const JsonValue& item : value.items) out += (out.empty() ? "" : ",") + Canonical(item);
    return "[" + out + "]";
  }
  if (value.kind != JsonValue::Kind::kObject) return value.raw;
  std::vector<std::string> members;
  for (const testing::JsonMember& member : value.members) {
    std::string name;
    AppendJsonString(name, member.name);
    members.push_back(name + ":" + Canonical(member.value));
  }
  std::ranges::sort(members);
  for (const std::string& member : members) out += (out.empty() ? "" : ",") + member;
  return "{" + out + "}";
}

std::string Canonical(const std::string& json) {
  const auto value = testing::ReadJson(json);
  EXPECT_TRUE(value.has_value()) << json;
  return value ? Canonical(*value) : "";
}

void AppendCell(const std::string& value, Column& column) {
  if (value == "null") return column.Append(Cell::Missing(Presence::kNull));
  std::string text;
  switch (column.type()) {
    case PhysicalType::kJson:
      return column.Append(Cell::Json(value));
    case PhysicalType::kUint64:
      return column.Append(Cell::Uint64(std::stoull(value)));
    case PhysicalType::kInt64:
      return column.Append(Cell::Int64(std::stoll(value)));
    case PhysicalType::kFloat64:
      return column.Append(Cell::Float64(std::stod(value)));
    case PhysicalType::kBool:
      return column.Append(Cell::Bool(value == "true"));
    case PhysicalType::kString:
      EXPECT_TRUE(AppendUnescaped(std::string_view(value).substr(1, value.size() - 2), text));
      return column.Append(Cell::String(text));
  }
}

constexpr std::string_view kAsWritten =
    "SETTINGS output_format_json_quote_64bit_integers = 0, date_time_output_format = 'iso', "
    "output_format_decimal_trailing_zeros = 1 FORMAT JSONEachRow";
constexpr std::string_view kAllowAll =
    "ENGINE = MergeTree ORDER BY n SETTINGS allow_suspicious_low_cardinality_types = 1, "
    "allow_suspicious_variant_types = 1, flatten_nested = 0";

// The law: what goes in is what the server shows, for random types and values, whether the values
// travel as JSON or as columns of their kind.
TEST(RealTypesTest, TheServerShowsWhatWasInserted) {
  SKIP_WITHOUT_SERVER();
  constexpr std::size_t kColumns = 10;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    TypeMaker maker(seed);
    const std::size_t rows = 1 + maker.Below(seed % 6 == 0 ? 1000 : 30);
    std::string definition = "(n UInt32";
    std::vector<SourceColumn> sources;
    std::vector<std::vector<std::string>> shown(kColumns);
    sources.push_back({Column("n", PhysicalType::kUint64), FieldType::kUint64});
    for (std::size_t row = 0; row < rows; ++row) sources[0].column.Append(Cell::Uint64(row));
    for (std::size_t i = 0; i < kColumns; ++i) {
      const RandomType type = maker.Type();
      definition += fmt::format(", c{} {}", i, type.text);
      const bool as_json = maker.OneIn(2);
      Column column(fmt::format("c{}", i), as_json ? PhysicalType::kJson : type.physical);
      for (std::size_t row = 0; row < rows; ++row) {
        const Sample sample = type.sample();
        AppendCell(sample.in, column);
        shown[i].push_back(sample.shown);
      }
      sources.push_back({std::move(column), type.field});
    }
    SCOPED_TRACE(definition);
    RealTable table(fmt::format("{}) {}", definition, kAllowAll));
    const EncodedBlock block =
        BlockFor(table.Describe(), sources, static_cast<BodyCodec>(seed % 3));
    const InsertOutcome outcome = InsertBlock(table, sources, block, "");
    ASSERT_TRUE(outcome.ok) << outcome.message;
    ASSERT_EQ(outcome.written_rows, rows);
    std::istringstream lines(
        table.Ask(fmt::format("SELECT * FROM {{}} ORDER BY n {}", kAsWritten)));
    for (std::size_t row = 0; row < rows; ++row) {
      std::string line;
      std::getline(lines, line);
      const auto answer = testing::ReadJson(line);
      ASSERT_TRUE(answer.has_value()) << line;
      for (std::size_t i = 0; i < kColumns; ++i) {
        const JsonValue* value = answer->Last(fmt::format("c{}", i));
        ASSERT_NE(value, nullptr) << line;
        ASSERT_EQ(Canonical(*value), Canonical(shown[i][row])) << "row " << row << ", c" << i;
      }
    }
  }
}

// What one JSON value becomes in a column of the type, as the server shows it; or why not.
std::string ShownInColumn(const std::string& definition, FieldType field, const std::string& json) {
  RealTable table(fmt::format(
      "(v {}) ENGINE = Memory SETTINGS allow_suspicious_low_cardinality_types = 1", definition));
  Column column("v", PhysicalType::kJson);
  AppendCell(json, column);
  std::vector<SourceColumn> sources;
  sources.push_back({std::move(column), field});
  const auto plan =
      BlockPlan::Make(table.Describe(), std::vector<ColumnPlan>{{"v", field, "v", ""}});
  if (!plan.ok()) return "refused: " + plan.error().detail;
  const EncodedBlock block = BlockFor(table.Describe(), sources);
  const InsertOutcome outcome = InsertBlock(table, sources, block, "");
  if (!outcome.ok) return "failed: " + outcome.message;
  const auto answer =
      testing::ReadJson(table.Ask(fmt::format("SELECT v FROM {{}} {}", kAsWritten)));
  return answer && answer->Last("v") != nullptr ? Canonical(*answer->Last("v")) : "no answer";
}

struct FamilyExample {
  std::string family;
  std::string type;
  FieldType field;
  std::string in;
  std::string shown;
};

// One of each family that tables can have; what shows as it went in has nothing for `shown`.
std::vector<FamilyExample> FamilyExamples() {
  using enum FieldType;
  return {
      {"Array", "Array(Int8)", kArray, "[1,2]", ""},
      {"BFloat16", "BFloat16", kFloat64, "1.5", ""},
      {"Bool", "Bool", kBool, "true", ""},
      {"Date", "Date", kString, "\"2024-03-15\"", ""},
      {"Date32", "Date32", kString, "\"1924-03-15\"", ""},
      {"DateTime", "DateTime", kString, "\"2024-03-15T10:22:31Z\"", ""},
      {"DateTime32", "DateTime32", kString, "\"2024-03-15T10:22:31Z\"", ""},
      {"DateTime64", "DateTime64(3)", kString, "\"2024-03-15T10:22:31.500Z\"", ""},
      {"Decimal", "Decimal(10, 2)", kInt64, "1.50", ""},
      {"Decimal32", "Decimal32(2)", kInt64, "1.50", ""},
      {"Decimal64", "Decimal64(2)", kInt64, "1.50", ""},
      {"Decimal128", "Decimal128(2)", kInt64, "1.50", ""},
      {"Decimal256", "Decimal256(2)", kInt64, "1.50", ""},
      {"Dynamic", "Dynamic", kMap, "[1,\"a\"]", ""},
      {"Enum", "Enum('a' = 1)", kString, "\"a\"", ""},
      {"Enum8", "Enum8('a' = 1)", kString, "\"a\"", ""},
      {"Enum16", "Enum16('a' = 1000)", kString, "\"a\"", ""},
      {"FixedString", "FixedString(2)", kString, "\"ab\"", ""},
      {"Float32", "Float32", kFloat64, "1.5", ""},
      {"Float64", "Float64", kFloat64, "1.5", ""},
      {"Geometry", "Geometry", kMap, R"({"type":"Point","coordinates":[1,2.5]})", "[1,2.5]"},
      {"IPv4", "IPv4", kString, "\"1.2.3.4\"", ""},
      {"IPv6", "IPv6", kString, "\"2001:db8::1\"", ""},
      {"Int8", "Int8", kInt64, "-8", ""},
      {"Int16", "Int16", kInt64, "-16", ""},
      {"Int32", "Int32", kInt64, "-32", ""},
      {"Int64", "Int64", kInt64, "-64", ""},
      {"Int128", "Int128", kInt64, "-128", ""},
      {"Int256", "Int256", kInt64, "-256", ""},
      {"IntervalNanosecond", "IntervalNanosecond", kInt64, "1", ""},
      {"IntervalMicrosecond", "IntervalMicrosecond", kInt64, "2", ""},
      {"IntervalMillisecond", "IntervalMillisecond", kInt64, "3", ""},
      {"IntervalSecond", "IntervalSecond", kInt64, "4", ""},
      {"IntervalMinute", "IntervalMinute", kInt64, "5", ""},
      {"IntervalHour", "IntervalHour", kInt64, "6", ""},
      {"IntervalDay", "IntervalDay", kInt64, "7", ""},
      {"IntervalWeek", "IntervalWeek", kInt64, "8", ""},
      {"IntervalMonth", "IntervalMonth", kInt64, "9", ""},
      {"IntervalQuarter", "IntervalQuarter", kInt64, "10", ""},
      {"IntervalYear", "IntervalYear", kInt64, "11", ""},
      {"JSON", "JSON", kMap, R"({"a":{"b":1}})", ""},
      {"LineString", "LineString", kArray, "[[1,2]]", ""},
      {"LowCardinality", "LowCardinality(String)", kString, "\"a\"", ""},
      {"Map", "Map(String, Int8)", kMap, R"({"a":1})", ""},
      {"MultiLineString", "MultiLineString", kArray, "[[[1,2]]]", ""},
      {"MultiPolygon", "MultiPolygon", kArray, "[[[[1,2]]]]", ""},
      {"Nested", "Array(Nested(a Int8, b String))", kArray, R"([[{"a":1,"b":"x"}]])", ""},
      {"Nullable", "Nullable(Int8)", kInt64, "null", ""},
      {"Point", "Point", kArray, "[1,2]", ""},
      {"Polygon", "Polygon", kArray, "[[[1,2]]]", ""},
      {"QBit", "QBit(Float32, 9)", kArray, "[1,2,3,4,5,6,7,8,9.5]", ""},
      {"Ring", "Ring", kArray, "[[1,2]]", ""},
      {"SimpleAggregateFunction", "SimpleAggregateFunction(sum, Int64)", kInt64, "5", ""},
      {"String", "String", kString, "\"a\"", ""},
      {"Time", "Time", kString, "\"-12:00:00\"", ""},
      {"Time64", "Time64(3)", kString, "\"12:00:00.500\"", ""},
      {"Tuple", "Tuple(a Int8, b Nullable(String))", kMap, R"({"a":1,"b":null})", ""},
      {"UInt8", "UInt8", kUint64, "8", ""},
      {"UInt16", "UInt16", kUint64, "16", ""},
      {"UInt32", "UInt32", kUint64, "32", ""},
      {"UInt64", "UInt64", kUint64, "64", ""},
      {"UInt128", "UInt128", kUint64, "128", ""},
      {"UInt256", "UInt256", kUint64, "256", ""},
      {"UUID", "UUID", kString, "\"5f1d7c1e-9a63-4f6e-8d13-0242ac120002\"", ""},
      {"Variant", "Variant(Int8, String)", kMap, "\"x\"", ""},
      {"AggregateFunction", "AggregateFunction(sum, Int64)", kInt64, "1",
       "refused: column `v`: type AggregateFunction(sum, Int64): states of aggregate functions"},
  };
}

// Types that no column of a table can have.
constexpr std::string_view kNotForTables[] = {"Nothing"};

// A new server's new type shows up here by name.
TEST(RealTypesTest, EveryFamilyOfTheServerIsWrittenOrRefusedByName) {
  SKIP_WITHOUT_SERVER();
  RealTable any("(a Int8) ENGINE = Memory");
  std::istringstream families(
      any.Ask("SELECT name FROM system.data_type_families WHERE alias_to = '' ORDER BY name"));
  const std::vector<FamilyExample> examples = FamilyExamples();
  for (std::string family; std::getline(families, family);) {
    if (std::ranges::find(kNotForTables, family) != std::end(kNotForTables)) continue;
    const auto example = std::ranges::find(examples, family, &FamilyExample::family);
    if (example == examples.end()) {
      ADD_FAILURE() << "nothing is known about the type " << family;
      continue;
    }
    const std::string shown = ShownInColumn(example->type, example->field, example->in);
    const bool refused = example->shown.starts_with("refused");
    const std::string& wanted = example->shown.empty() ? example->in : example->shown;
    EXPECT_EQ(refused ? shown.substr(0, wanted.size()) : shown, wanted) << family;
  }
}

// Other names of types are the server's affair: a table has the types' own names.
TEST(RealTypesTest, AliasesOfTypesAreWrittenAsWhatTheyMean) {
  SKIP_WITHOUT_SERVER();
  EXPECT_EQ(ShownInColumn("VARCHAR(10)", FieldType::kString, "\"a\""), "\"a\"");
  EXPECT_EQ(ShownInColumn("DOUBLE PRECISION", FieldType::kFloat64, "1.5"), "1.5");
  EXPECT_EQ(ShownInColumn("BIGINT UNSIGNED NULL", FieldType::kUint64, "null"), "null");
  EXPECT_EQ(ShownInColumn("NUMERIC(5, 1)", FieldType::kInt64, "2.25"), "2.3");
  EXPECT_EQ(ShownInColumn("INET6", FieldType::kString, "\"::1\""), "\"::1\"");
}

std::vector<SourceColumn> OneColumn(const std::string& name, FieldType field,
                                    const std::vector<std::string>& values) {
  std::vector<SourceColumn> sources;
  sources.push_back({Column(name, PhysicalType::kJson), field});
  for (const std::string& value : values) AppendCell(value, sources[0].column);
  return sources;
}

TEST(RealTypesTest, ANestedIsFilledInBothOfItsShapes) {
  SKIP_WITHOUT_SERVER();
  for (const bool flat : {true, false}) {
    RealTable table(
        fmt::format("(n Nested(a Int8, b Nullable(String))) ENGINE = MergeTree ORDER BY tuple() "
                    "SETTINGS flatten_nested = {}",
                    flat ? 1 : 0));
    const auto sources = OneColumn("n", FieldType::kArray, {R"([{"a":1,"b":"x"},{"a":2}])", "[]"});
    const TableDescription description = table.Describe();
    const EncodedBlock block = BlockFor(description, sources);
    const auto plan =
        BlockPlan::Make(description, std::vector<ColumnPlan>{{"n", FieldType::kArray, "n", ""}});
    ASSERT_TRUE(plan.ok());
    EXPECT_EQ(plan.value()->columns().size(), flat ? 2U : 1U);
    const std::vector<std::string> columns = plan.value()->ColumnNames();
    const InsertOutcome outcome = table.client().Insert(
        {.table = table.name(), .columns = columns, .block = &block, .query_id = {}}, {});
    ASSERT_TRUE(outcome.ok) << outcome.message;
    EXPECT_EQ(table.Ask("SELECT n.a, n.b FROM {} FORMAT TSV"), "[1,2]\t['x',NULL]\n[]\t[]");
  }
}

// The column's own DEFAULT, also an expression, where it is a scalar.
TEST(RealTypesTest, NullBecomesTheColumnsDefault) {
  SKIP_WITHOUT_SERVER();
  RealTable table(
      "(a Int8 DEFAULT 40 + 2, b LowCardinality(String) DEFAULT 'none', c Array(Int8), "
      "d DateTime64(3) DEFAULT '2020-01-01 00:00:00', e JSON) ENGINE = MergeTree ORDER BY tuple()");
  const TableDescription description = table.Describe();
  std::vector<ColumnPlan> plans = {{"v", FieldType::kInt64, "a", ""},
                                   {"v", FieldType::kString, "b", ""},
                                   {"v", FieldType::kArray, "c", ""},
                                   {"v", FieldType::kInt64, "d", ""},
                                   {"v", FieldType::kMap, "e", ""}};
  for (ColumnPlan& plan : plans) plan.null_as_default = true;
  const auto plan = BlockPlan::Make(description, plans);
  ASSERT_TRUE(plan.ok()) << plan.error().detail;
  BlockBuilder builder(plan.value());
  const auto sources = OneColumn("v", FieldType::kInt64, {"null"});
  const std::vector<ColumnView> views = {sources[0].column.View()};
  const auto bad = builder.Append({.columns = views, .begin = 0, .end = 1});
  ASSERT_TRUE(bad.ok() && bad.value().empty());
  const EncodedBlock block = builder.Finish();
  const std::vector<std::string> columns = plan.value()->ColumnNames();
  const InsertOutcome outcome = table.client().Insert(
      {.table = table.name(), .columns = columns, .block = &block, .query_id = {}}, {});
  ASSERT_TRUE(outcome.ok) << outcome.message;
  EXPECT_EQ(table.Ask("SELECT a, b, c, toUnixTimestamp(d), e FROM {} FORMAT TSV"),
            "42\tnone\t[]\t1577836800\t{}");
}

TEST(RealTypesTest, ComputedColumnsAreRefusedAndMissingOnesNamed) {
  SKIP_WITHOUT_SERVER();
  RealTable table("(a Int8, b Int8 MATERIALIZED a + 1, c Int8 ALIAS a + 2) ENGINE = Memory");
  const auto plan =
      BlockPlan::Make(table.Describe(), std::vector<ColumnPlan>{{"v", FieldType::kInt64, "b", ""},
                                                                {"v", FieldType::kInt64, "c", ""},
                                                                {"v", FieldType::kInt64, "d", ""}});
  ASSERT_FALSE(plan.ok());
  const std::string& faults = plan.error().detail;
  EXPECT_NE(faults.find("column `b`: it is MATERIALIZED"), std::string::npos) << faults;
  EXPECT_NE(faults.find("column `c`: it is an ALIAS"), std::string::npos) << faults;
  EXPECT_NE(faults.find("column `d`: the table"), std::string::npos) << faults;
}

}  // namespace
}  // namespace penstock::clickhouse
