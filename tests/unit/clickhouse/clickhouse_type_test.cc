#include "model/clickhouse_type.h"

#include <random>

#include <gtest/gtest.h>

namespace penstock {
namespace {

TEST(ClickHouseTypeTest, PrintsBackWhatClickHousePrints) {
  for (const std::string text : {
           "String",
           "Array(LowCardinality(Nullable(DateTime64(3, 'UTC'))))",
           "FixedString(16)",
           "Enum8('it\\'s' = 1, 'b\\n' = -2)",
           "Map(LowCardinality(String), Array(Int64))",
           "Tuple(a LowCardinality(Nullable(String)), `b c` Int8)",
           "AggregateFunction(quantiles(0.5, 0.9), UInt64)",
           "SimpleAggregateFunction(sum, Int64)",
           "Nested(x Int8, y Array(String))",
           "Decimal(10, 2)",
           "Dynamic(max_types=8)",
           "JSON(max_dynamic_paths=10, a.b UInt32, SKIP c.d, SKIP REGEXP 'x.*')",
           "Variant(Array(Int8), String)",
       }) {
    const auto type = ParseClickHouseType(text);
    ASSERT_TRUE(type.ok()) << type.error().detail;
    EXPECT_EQ(ToText(type.value()), text);
  }
}

TEST(ClickHouseTypeTest, ReadsWhatPeopleWrite) {
  for (const auto& [text, canonical] : std::vector<std::pair<std::string, std::string>>{
           {"Map( String,String )", "Map(String, String)"},
           {"Enum8('a'=1,'b' = 2)", "Enum8('a' = 1, 'b' = 2)"},
           {"JSON(`a.b` UInt32, SKIP `c.d`)", "JSON(a.b UInt32, SKIP c.d)"},
           {"Tuple(\"a\" Int8)", "Tuple(a Int8)"},
           {"Tuple(\n    a String,\n    b Int8)", "Tuple(a String, b Int8)"},
           {"Enum8('it''s' = 1)", "Enum8('it\\'s' = 1)"},
       }) {
    const auto type = ParseClickHouseType(text);
    ASSERT_TRUE(type.ok()) << type.error().detail;
    EXPECT_EQ(ToText(type.value()), canonical);
  }
}

TEST(ClickHouseTypeTest, FaultsHaveTheirPosition) {
  for (const auto& [text, position] : std::vector<std::pair<std::string, int>>{
           {"", 1},
           {"Array(", 7},
           {"Array(String", 13},
           {"Array(String))", 14},
           {" String", 1},
           {"String ", 7},
           {"Enum8('a' = )", 13},
           {"Enum8('a = 1)", 7},
           {"DateTime(,)", 10},
           {"5", 1},
       }) {
    const auto type = ParseClickHouseType(text);
    ASSERT_FALSE(type.ok()) << text;
    EXPECT_NE(type.error().detail.find(fmt::format("position {}:", position)), std::string::npos)
        << type.error().detail;
  }
}

TEST(ClickHouseTypeTest, DeepNestingIsAFaultAndNotACrash) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "Array(";
  EXPECT_FALSE(ParseClickHouseType(text).ok());
}

// Whatever the bytes, there is an answer; and what is accepted prints to what is read back.
TEST(ClickHouseTypeTest, SurvivesAnyText) {
  const std::string good = "Map(String, Tuple(`a b` Enum8('x' = -1), c DateTime64(3, 'UTC')))";
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    std::string text = good.substr(0, random() % (good.size() + 1));
    for (std::size_t i = random() % 4; i > 0 && !text.empty(); --i) {
      text[random() % text.size()] = "()',` =a5-\\\""[random() % 12];
    }
    const auto type = ParseClickHouseType(text);
    if (!type.ok()) continue;
    const auto again = ParseClickHouseType(ToText(type.value()));
    ASSERT_TRUE(again.ok()) << "seed=" << seed << " " << text << " -> " << ToText(type.value());
    ASSERT_EQ(again.value(), type.value()) << "seed=" << seed << " " << text;
  }
}

TEST(ClickHouseTypeTest, QuotesNames) {
  EXPECT_EQ(QuoteIdentifier("a`b\\"), "`a\\`b\\\\`");
  EXPECT_EQ(QuoteText("it's"), "'it\\'s'");
}

}  // namespace
}  // namespace penstock
