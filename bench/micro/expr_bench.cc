// Typical expressions, in ns a row, over the columns of a batch as the transform stage has them.
// A row of the benchmark is one evaluation with what the stage does around it: the arena's reset
// and the step to the next row.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "expr/columns_row.h"
#include "expr/evaluator.h"
#include "expr/program.h"

namespace penstock::expr {
namespace {

constexpr int kRows = 1000;

// Orders, with a nested user and items as JSON.
std::vector<Column> Orders() {
  std::vector<Column> columns = {
      {"type", PhysicalType::kString},   {"kind", PhysicalType::kString},
      {"total", PhysicalType::kFloat64}, {"qty", PhysicalType::kInt64},
      {"paid", PhysicalType::kBool},     {"ts", PhysicalType::kString},
      {"url", PhysicalType::kString},    {"agent", PhysicalType::kString},
      {"user", PhysicalType::kJson},     {"items", PhysicalType::kJson},
      {"coupon", PhysicalType::kString}};
  for (int i = 0; i < kRows; ++i) {
    const std::string number = std::to_string(i);
    const std::string user = R"({"id":)" + number + R"(,"name":"Ann Lee","email":"ann)" + number +
                             R"(@example.com","tags":["beta","eu"],"address":{"city":"Berlin"}})";
    const std::string items =
        R"([{"sku":"A-1","price":9.5,"n":1},{"sku":"B-)" + number + R"(","price":4,"n":3}])";
    columns[0].Append(Cell::String("order.created"));
    columns[1].Append(Cell::String(i % 3 == 0 ? "order.created" : "order.paid"));
    columns[2].Append(Cell::Float64(i * 0.75));
    columns[3].Append(Cell::Int64(i % 17));
    columns[4].Append(Cell::Bool(i % 2 == 0));
    columns[5].Append(Cell::String("2024-03-15T10:22:31Z"));
    columns[6].Append(Cell::String("utm_source=mail&utm_id=" + number + "&q=%C3%A9"));
    columns[7].Append(Cell::String("Mozilla/5.0 (Linux; Android 14) Chrome/120 Mobile Safari"));
    columns[8].Append(Cell::Json(user));
    columns[9].Append(Cell::Json(items));
    columns[10].Append(i % 4 == 0 ? Cell::String("SPRING") : Cell::Missing(Presence::kNull));
  }
  return columns;
}

struct Expression {
  const char* name;
  const char* source;
};
constexpr Expression kExpressions[] = {
    {"compare", "total > 100"},
    {"and_or", "total > 100 and paid or qty == 3"},
    {"equal_text", "kind == \"order.paid\""},
    {"in_set", "kind in [\"order.paid\", \"order.sent\", \"order.lost\"]"},
    {"prefix", "kind startsWith \"order.\""},
    {"matches", "kind matches \"^order\\\\.(paid|sent)$\""},
    {"arithmetic", "round(total * 1.19 * 100) / 100"},
    {"conditional", "total > 500 ? \"big\" : total > 50 ? \"middle\" : \"small\""},
    {"coalesce", "coupon ?? \"none\""},
    {"modulo", "int(qty) % 4 == 1"},
    {"upper", "upper(kind)"},
    {"concat_text", "upper(kind) + \"/\" + toString(qty)"},
    {"split", "split(kind, \".\")[1]"},
    {"nested", "user.address.city == \"Berlin\""},
    {"optional", "user?.manager?.name ?? \"nobody\""},
    {"filter_items", "len(filter(items, .price > 5)) > 0"},
    {"sum_items", "sum(items, .price * .n)"},
    {"parse_time", "toDate(parseISO8601(ts))"},
    {"query_param", "getQueryParam(url, \"utm_id\")"},
    {"user_agent", "parseUserAgent(agent, \"device\")"},
};

void Evaluate(benchmark::State& state, const Expression& expression) {
  const std::vector<Column> columns = Orders();
  std::vector<ColumnView> all;
  std::set<std::string, std::less<>> names;
  for (const Column& column : columns) {
    all.push_back(column.View());
    names.insert(column.name());
  }
  FieldTable fields(names);
  EnvironmentType environment;
  environment.mode = Mode::kGlassFlow;
  const auto program = Program::Compile(expression.source, environment, fields);
  PENSTOCK_CHECK(program.ok(), program.error().detail);
  // The planner sends only what is used.
  std::vector<ColumnView> used;
  for (const ColumnView& column : all) {
    for (const std::string& name : fields.names()) {
      if (name == column.name) used.push_back(column);
    }
  }
  Evaluator evaluator;
  ColumnsRow row(fields);
  for (auto _ : state) {
    row.Start(used);
    for (int i = 0; i < kRows; ++i) {
      evaluator.StartRow();
      row.Next();
      const auto value = evaluator.Evaluate(program.value(), row);
      PENSTOCK_CHECK(value.ok(), value.error().detail);
      benchmark::DoNotOptimize(value.value());
    }
  }
  state.SetItemsProcessed(state.iterations() * kRows);
  state.counters["ns_a_row"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kRows,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

const int kRegistered = [] {
  for (const Expression& expression : kExpressions) {
    benchmark::RegisterBenchmark(
        (std::string("Expr/") + expression.name).c_str(),
        [&expression](benchmark::State& state) { Evaluate(state, expression); });
  }
  return 0;
}();

}  // namespace
}  // namespace penstock::expr
