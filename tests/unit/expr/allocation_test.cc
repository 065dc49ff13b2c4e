// Evaluating does not touch the heap once its memory has grown to what a row needs.
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "expr/columns_row.h"
#include "expr/evaluator.h"
#include "expr/output.h"
#include "expr/program.h"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* const taken = std::malloc(size)) return taken;  // NOLINT
  std::abort();
}
void operator delete(void* taken) noexcept {
  std::free(taken);  // NOLINT
}
void operator delete(void* taken, std::size_t /*size*/) noexcept {
  std::free(taken);  // NOLINT
}

namespace penstock::expr {
namespace {

TEST(AllocationTest, RowsCostNoAllocation) {
  Column name("name", PhysicalType::kString);
  Column qty("qty", PhysicalType::kInt64);
  Column user("user", PhysicalType::kJson);
  for (int i = 0; i < 1000; ++i) {
    name.Append(Cell::String("order.created"));
    qty.Append(Cell::Int64(i));
    user.Append(Cell::Json(R"({"mail":"ann@example.com","tags":["a","b"],"age":34})"));
  }
  const std::vector<ColumnView> columns = {name.View(), qty.View(), user.View()};
  FieldTable fields({"name", "qty", "user"});
  const std::vector<OutputSpec> specs = {
      {"qty * 2 + 1 > 100 and name startsWith \"order\"", "a", "bool"},
      {"upper(name) + \"/\" + toString(qty)", "b", "string"},
      {"user.tags[0] in [\"a\", \"c\"] ? user.age ?? 0 : 1", "c", "int"},
      {"split(user.mail, \"@\")[1]", "d", "string"},
      {"name matches \"^o.*d$\"", "e", "bool"},
      {"len(filter(user.tags, # != \"a\"))", "f", "int"}};
  const auto outputs = Outputs::Make(specs, fields);
  ASSERT_TRUE(outputs.ok()) << outputs.error().detail;
  Evaluator evaluator;
  ColumnsRow row(fields);
  row.Start(columns);
  std::vector<Value> values;
  std::string record;
  std::size_t before = 0;
  for (int i = 0; i < 1000; ++i) {
    if (i == 10) before = allocations;
    evaluator.StartRow();
    row.Next();
    ASSERT_TRUE(outputs.value().Evaluate(evaluator, row, values).ok());
  }
  EXPECT_EQ(allocations, before);
  ASSERT_TRUE(outputs.value().AppendRecord(evaluator, values, record).ok());
  EXPECT_EQ(record,
            R"({"a":true,"b":"ORDER.CREATED/999","c":34,"d":"example.com","e":true,"f":1})");
}

}  // namespace
}  // namespace penstock::expr
