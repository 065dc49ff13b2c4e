#include "clickhouse/block_plan.h"

#include <algorithm>

#include "block_fixture.h"

namespace penstock::clickhouse {
namespace {

std::string FaultsOf(const TableDescription& table, const std::vector<ColumnPlan>& columns) {
  const auto plan = BlockPlan::Make(table, columns);
  if (plan.ok()) return "";
  EXPECT_EQ(plan.error().code, "schema");
  return plan.error().detail;
}

TEST(BlockPlanTest, NamesEveryFaultWithItsColumn) {
  TableDescription table = TableOf(
      {{"a", "Int32"}, {"b", "String"}, {"c", "String"}, {"d", "AggregateFunction(sum, Int64)"}});
  table.columns[1].default_kind = DefaultKind::kMaterialized;
  table.columns[2].default_kind = DefaultKind::kAlias;
  const std::string faults = FaultsOf(table, {{"x", FieldType::kInt64, "a", ""},
                                              {"x", FieldType::kInt64, "missing", ""},
                                              {"x", FieldType::kString, "b", ""},
                                              {"x", FieldType::kString, "c", ""},
                                              {"x", FieldType::kArray, "d", ""},
                                              {"x", FieldType::kInt64, "a", ""}});
  EXPECT_EQ(std::ranges::count(faults, '\n'), 4) << faults;
  EXPECT_NE(faults.find("column `missing`: the table db.t has no such column; it has `a`, `d`"),
            std::string::npos)
      << faults;
  EXPECT_NE(faults.find("column `b`: it is MATERIALIZED"), std::string::npos) << faults;
  EXPECT_NE(faults.find("column `c`: it is an ALIAS column"), std::string::npos) << faults;
  EXPECT_NE(faults.find("column `d`: type AggregateFunction(sum, Int64): states of aggregate "
                        "functions cannot be inserted"),
            std::string::npos)
      << faults;
  EXPECT_NE(faults.find("column `a`: it is mapped twice"), std::string::npos) << faults;
}

TEST(BlockPlanTest, NothingToInsertIsAFault) {
  EXPECT_NE(FaultsOf(TableOf({{"a", "Int32"}}), {}), "");
}

// A type that is spelled out must fit its field as in the reference; one left out is converted to.
TEST(BlockPlanTest, PairsOfFieldAndColumn) {
  struct Pair {
    std::string table;
    FieldType field;
    bool declared;  // Whether the pair holds when the mapping names the type.
    bool left_out;  // ... and when it does not.
  };
  for (const Pair& pair : std::vector<Pair>{
           {"Int8", FieldType::kInt64, true, true},
           {"Int8", FieldType::kUint8, true, true},
           {"UInt8", FieldType::kFloat64, false, false},
           {"Int32", FieldType::kString, false, false},
           {"Int8", FieldType::kBool, false, false},
           {"Float64", FieldType::kInt64, false, true},
           {"Float32", FieldType::kFloat32, true, true},
           {"Bool", FieldType::kInt64, false, true},
           {"Bool", FieldType::kString, false, false},
           {"String", FieldType::kBytes, true, true},
           {"String", FieldType::kInt64, false, true},
           {"String", FieldType::kMap, false, true},
           {"LowCardinality(String)", FieldType::kInt64, false, true},
           {"FixedString(2)", FieldType::kArray, false, true},
           {"UUID", FieldType::kInt64, false, false},
           {"Enum8('a' = 1)", FieldType::kInt64, false, true},
           {"DateTime64(3)", FieldType::kFloat64, true, true},
           {"DateTime", FieldType::kArray, false, false},
           {"DateTime", FieldType::kBool, false, false},
           {"Array(String)", FieldType::kArray, true, true},
           {"Array(String)", FieldType::kMap, false, false},
           {"Map(String, String)", FieldType::kString, false, false},
           {"Decimal(9, 2)", FieldType::kFloat64, true, false},
           {"Decimal(9, 2)", FieldType::kInt64, true, true},
           {"Decimal(9, 2)", FieldType::kString, true, true},
           {"Nullable(Int256)", FieldType::kFloat64, true, false},
           {"Int128", FieldType::kBool, false, false},
           {"BFloat16", FieldType::kInt64, true, true},
           {"IPv4", FieldType::kString, true, true},
           {"IPv4", FieldType::kInt64, false, false},
           {"Time", FieldType::kInt64, true, true},
           {"Tuple(a Int8)", FieldType::kMap, true, true},
           {"Tuple(a Int8)", FieldType::kString, false, false},
           {"Nested(a Int8)", FieldType::kArray, true, true},
           {"Nested(a Int8)", FieldType::kMap, false, false},
           {"Point", FieldType::kArray, true, true},
           {"JSON", FieldType::kMap, true, true},
           {"JSON", FieldType::kString, true, true},
           {"JSON", FieldType::kArray, false, false},
           {"Variant(Int8)", FieldType::kBool, true, true},
           {"Dynamic", FieldType::kArray, true, true},
           {"SimpleAggregateFunction(sum, Int64)", FieldType::kUint8, true, true},
           {"SimpleAggregateFunction(sum, Int64)", FieldType::kString, false, false},
       }) {
    const TableDescription table = TableOf({{"v", pair.table}});
    EXPECT_EQ(FaultsOf(table, {{"f", pair.field, "v", pair.table}}).empty(), pair.declared)
        << pair.table << " " << static_cast<int>(pair.field);
    EXPECT_EQ(FaultsOf(table, {{"f", pair.field, "v", ""}}).empty(), pair.left_out)
        << pair.table << " " << static_cast<int>(pair.field);
  }
}

TEST(BlockPlanTest, TheDeclaredTypeMayDifferFromTheTables) {
  const auto fits = [](const std::string& declared, const std::string& table, FieldType field) {
    return FaultsOf(TableOf({{"v", table}}), {{"f", field, "v", declared}}).empty();
  };
  EXPECT_TRUE(fits("FixedString", "FixedString(3)", FieldType::kString));
  EXPECT_TRUE(fits("Enum8", "Enum8('a' = 1)", FieldType::kString));
  EXPECT_TRUE(fits("DateTime64", "DateTime64(6, 'UTC')", FieldType::kString));
  EXPECT_TRUE(fits("Int32", "Nullable(Int64)", FieldType::kInt64));
  EXPECT_TRUE(fits("String", "UUID", FieldType::kString));
  EXPECT_TRUE(fits("String", "LowCardinality(Nullable(String))", FieldType::kString));
  EXPECT_TRUE(fits("String", "Decimal(9, 2)", FieldType::kString));
  EXPECT_TRUE(fits("Map(String, String)", "JSON", FieldType::kMap));
  EXPECT_TRUE(fits("Decimal(5, 1)", "Decimal(9, 2)", FieldType::kFloat64));
  EXPECT_FALSE(fits("Float64", "Decimal(9, 2)", FieldType::kFloat64));
  EXPECT_FALSE(fits("Decimal(5, 1)", "Array(Int8)", FieldType::kInt64));
  EXPECT_FALSE(fits("Int64", "String", FieldType::kInt64));
  EXPECT_FALSE(fits("String", "Int64", FieldType::kString));
  EXPECT_FALSE(fits("Array(", "Array(Int8)", FieldType::kArray));
  EXPECT_FALSE(fits(" String ", "String", FieldType::kString));
  EXPECT_FALSE(fits("int32", "Int32", FieldType::kInt64));
}

TEST(BlockPlanTest, RefusesTypesThatCannotBe) {
  for (const std::string type : {"Nullable(Array(String))",
                                 "LowCardinality(Array(String))",
                                 "FixedString",
                                 "FixedString(0)",
                                 "FixedString('a')",
                                 "Enum8('a' = 200)",
                                 "Enum8",
                                 "DateTime64(10)",
                                 "DateTime64('UTC')",
                                 "DateTime(3)",
                                 "Array",
                                 "Array(String, String)",
                                 "Map(String)",
                                 "Int32(5)",
                                 "Nullable(Nothing)",
                                 "Array(Foo)",
                                 "Map(String, Foo)",
                                 "Decimal",
                                 "Decimal(77, 0)",
                                 "Decimal(5, 6)",
                                 "Decimal32(10)",
                                 "Time(3)",
                                 "Time64(10)",
                                 "IPv4(4)",
                                 "Int128(1)",
                                 "Nullable(Variant(Int8))",
                                 "Nullable(Dynamic)",
                                 "Variant(3)",
                                 "Tuple(3)",
                                 "Nested(Int8, String)",
                                 "QBit(Int8, 4)",
                                 "QBit(Float32, 0)",
                                 "QBit(Float32)",
                                 "LowCardinality(JSON)",
                                 "Object('json')",
                                 "Array(AggregateFunction(sum, Int8))",
                                 "SimpleAggregateFunction(sum)",
                                 "SimpleAggregateFunction(sum, Foo)",
                                 "Tuple(a Foo)"}) {
    const FieldType field = type.starts_with("Map") ? FieldType::kMap : FieldType::kArray;
    EXPECT_NE(FaultsOf(TableOf({{"v", type}}), {{"f", field, "v", ""}}), "") << type;
  }
}

// What is wrong, where, and what would be right.
TEST(BlockPlanTest, MessagesSayWhatWouldBeRight) {
  const TableDescription table = TableOf({{"price", "Decimal(9, 2)"},
                                          {"n.a", "Array(Int8)"},
                                          {"s", "String"},
                                          {"f", "AggregateFunction(uniq, String)"}});
  EXPECT_EQ(
      FaultsOf(table, {{"amount", FieldType::kFloat64, "price", ""}}),
      "column `price`: field `amount` is float, which has not all digits of Decimal(9, 2): say "
      "`column_type: Decimal(9, 2)` in the mapping to have the number's own digits");
  EXPECT_EQ(FaultsOf(table, {{"count", FieldType::kInt64, "s", "String"}}),
            "column `s`: mismatched types: field `count` is int, and String takes string; leave "
            "column_type out to have it converted");
  EXPECT_EQ(FaultsOf(table, {{"x", FieldType::kMap, "n", ""}}),
            "column `n`: it is a Nested, whose columns (`n.…`) take a field of type array with an "
            "object for each row of it, or each a field of its own");
  EXPECT_EQ(FaultsOf(table, {{"x", FieldType::kMap, "t", ""}}),
            "column `t`: the table db.t has no such column; it has `price`, `n.a`, `s`, `f`");
  EXPECT_NE(FaultsOf(table, {{"x", FieldType::kString, "f", ""}}).find("SimpleAggregateFunction"),
            std::string::npos);
}

TEST(BlockPlanTest, MetadataGoesIntoColumnsThatFit) {
  const TableDescription table =
      TableOf({{"topic", "LowCardinality(String)"}, {"offset", "UInt64"}, {"at", "DateTime64(3)"}});
  EXPECT_EQ(FaultsOf(table, {{"_topic", FieldType::kString, "topic", "", true},
                             {"_offset", FieldType::kString, "offset", "", true},
                             {"_timestamp", FieldType::kString, "at", "", true}}),
            "");
  EXPECT_NE(FaultsOf(table, {{"_topic", FieldType::kString, "at", "", true}}), "");
  EXPECT_NE(FaultsOf(table, {{"_offset", FieldType::kString, "at", "", true}}), "");
  // The key is a column of the message, and so is a declared field with metadata's name.
  const auto plan = PlanOf(table, {{"_key", FieldType::kString, "topic", "", true},
                                   {"_offset", FieldType::kUint64, "offset", "", false}});
  ASSERT_NE(plan, nullptr);
  for (const PlannedColumn& column : plan->columns()) {
    EXPECT_EQ(column.source, PlannedColumn::Source::kField);
  }
}

TEST(BlockPlanTest, MatchesByName) {
  TableDescription table = TableOf({{"a", "Int32"}, {"b", "String"}});
  table.columns[1].default_kind = DefaultKind::kAlias;
  std::vector<PlannedField> fields(3);
  fields[0].name = "a";
  fields[0].type = FieldType::kInt64;
  fields[1].name = "b";
  fields[2].name = "c";
  std::vector<std::string> unmatched;
  const std::vector<ColumnPlan> columns = MatchByName(table, fields, unmatched);
  ASSERT_EQ(columns.size(), 1U);
  EXPECT_EQ(columns[0].column_name, "a");
  EXPECT_EQ(unmatched, (std::vector<std::string>{"b", "c"}));
}

TEST(BlockPlanTest, MatchesAnArrayWithTheNestedOfItsName) {
  const TableDescription table = TableOf({{"n.a", "Array(Int8)"}, {"m.a", "Array(Int8)"}});
  std::vector<PlannedField> fields(3);
  fields[0].name = "n";
  fields[0].type = FieldType::kArray;
  fields[1].name = "m";
  fields[1].type = FieldType::kMap;
  fields[2].name = "m.a";
  fields[2].type = FieldType::kArray;
  std::vector<std::string> unmatched;
  const std::vector<ColumnPlan> columns = MatchByName(table, fields, unmatched, true);
  EXPECT_EQ(unmatched, (std::vector<std::string>{"m"}));
  const auto plan = PlanOf(table, columns);
  ASSERT_NE(plan, nullptr);
  EXPECT_EQ(plan->ColumnNames(), (std::vector<std::string>{"n.a", "m.a"}));
  for (const PlannedColumn& column : plan->columns()) EXPECT_TRUE(column.null_as_default);
}

TEST(DedupGuaranteeTest, SaysWhatTheTableGives) {
  TableDescription table{.database = "db", .table = "t", .engine = "MergeTree"};
  DedupGuarantee guarantee = GuaranteeOf(table);
  EXPECT_FALSE(guarantee.exactly_once);
  EXPECT_NE(guarantee.sentence.find("this table gives at-least-once"), std::string::npos);
  EXPECT_EQ(guarantee.alter,
            "ALTER TABLE `db`.`t` MODIFY SETTING non_replicated_deduplication_window = 100000");
  table.token_window.blocks = 1000;
  guarantee = GuaranteeOf(table);
  EXPECT_TRUE(guarantee.exactly_once);
  EXPECT_EQ(guarantee.alter, "");
  table = {.database = "db", .table = "t", .engine = "Memory"};
  EXPECT_EQ(GuaranteeOf(table).alter, "");
  table.engine = "ReplicatedReplacingMergeTree";
  EXPECT_NE(GuaranteeOf(table).alter.find(" replicated_deduplication_window"), std::string::npos);
}

}  // namespace
}  // namespace penstock::clickhouse
