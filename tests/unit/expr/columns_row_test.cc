#include "expr/columns_row.h"

#include <string>
#include <vector>

#include "unit/expr/expr_fixture.h"

namespace penstock::expr {
namespace {

// Three rows; the last has nothing.
std::vector<Column> Columns() {
  std::vector<Column> columns = {{"s", PhysicalType::kString},       {"i", PhysicalType::kInt64},
                                 {"u", PhysicalType::kUint64},       {"f", PhysicalType::kFloat64},
                                 {"b", PhysicalType::kBool},         {"user", PhysicalType::kJson},
                                 {"geo.lat", PhysicalType::kFloat64}};
  const std::vector<std::vector<Cell>> rows = {
      {Cell::String("one"), Cell::Int64(-7), Cell::Uint64(7), Cell::Float64(0.5), Cell::Bool(true),
       Cell::Json(R"({"name":"Ann","tags":["x","y"]})"), Cell::Float64(52.5)},
      {Cell::String("two"), Cell::Int64(INT64_MIN + 1), Cell::Uint64(UINT64_MAX),
       Cell::Float64(1e300), Cell::Bool(false), Cell::Json(R"("text")"), Cell::Float64(-1)},
      {Cell::Missing(Presence::kNull), Cell::Missing(Presence::kAbsent),
       Cell::Missing(Presence::kAbsent), Cell::Missing(Presence::kAbsent),
       Cell::Missing(Presence::kAbsent), Cell::Missing(Presence::kAbsent),
       Cell::Missing(Presence::kAbsent)}};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i].Append(row[i]);
  }
  return columns;
}

class ColumnsRowTest : public ::testing::Test {
 protected:
  // The results of all rows, as JSON, or their errors.
  std::vector<std::string> Eval(std::string_view source) {
    const std::vector<Column> columns = Columns();
    std::vector<ColumnView> views;
    std::set<std::string, std::less<>> names;
    for (const Column& column : columns) {
      views.push_back(column.View());
      names.insert(column.name());
    }
    FieldTable fields(names);
    const auto program = Program::Compile(source, {}, fields);
    if (!program.ok()) return {program.error().detail};
    Evaluator evaluator;
    ColumnsRow row(fields);
    row.Start(views);
    std::vector<std::string> results;
    for (int i = 0; i < 3; ++i) {
      evaluator.StartRow();
      row.Next();
      const auto value = evaluator.Evaluate(program.value(), row);
      std::string json;
      if (value.ok()) AppendJson(evaluator.context(), json, value.value(), false);
      results.push_back(value.ok() ? json : value.error().detail);
    }
    return results;
  }
};

using Results = std::vector<std::string>;

TEST_F(ColumnsRowTest, ColumnsAreFields) {
  EXPECT_EQ(Eval("s"), Results({"\"one\"", "\"two\"", "null"}));
  EXPECT_EQ(Eval("i"), Results({"-7", "-9223372036854775807", "null"}));
  EXPECT_EQ(Eval("u"), Results({"7", "18446744073709551615", "null"}));
  EXPECT_EQ(Eval("f ?? 2.5"), Results({"0.5", "1e+300", "2.5"}));
  EXPECT_EQ(Eval("b == true"), Results({"true", "false", "false"}));
  EXPECT_EQ(Eval("nothing"), Results({"null", "null", "null"}));
}

TEST_F(ColumnsRowTest, NumbersAreFloatsAsInARecord) {
  EXPECT_EQ(Eval("type(i)")[0], "\"float\"");
  EXPECT_EQ(Eval("i / 2")[0], "-3.5");
}

TEST_F(ColumnsRowTest, AJsonColumnHasMembers) {
  EXPECT_EQ(Eval("user.name")[0], "\"Ann\"");
  EXPECT_EQ(Eval("user.tags[-1] + user.tags[0]")[0], "\"yx\"");
  EXPECT_EQ(Eval("user?.name")[2], "null");
  EXPECT_EQ(Eval("type(user)"), Results({"\"map\"", "\"string\"", "\"nil\""}));
}

TEST_F(ColumnsRowTest, ADottedColumnComesBeforeTheMember) {
  EXPECT_EQ(Eval("geo.lat"), Results({"52.5", "-1", "null"}));
  EXPECT_EQ(Eval("geo?.lat ?? 0"), Results({"52.5", "-1", "0"}));
  EXPECT_EQ(Eval("$env.geo.lat")[0], "52.5");
  EXPECT_EQ(Eval("let geo = {lat: 1}; geo.lat")[0], "1");
}

TEST_F(ColumnsRowTest, TheWholeRowIsAMap) {
  EXPECT_EQ(Eval("keys($env)")[0], R"(["b","f","geo.lat","i","s","u","user"])");
  EXPECT_EQ(Eval("$env")[2], R"({"s":null})");
}

}  // namespace
}  // namespace penstock::expr
