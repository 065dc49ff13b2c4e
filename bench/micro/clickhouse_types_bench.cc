// One column of one type: values of a message → the column of a block, for each family of types and
// each kind of column that the values come in. items_per_second counts rows; the arrays, tuples and
// maps have three elements each.
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/format.h"
#include "clickhouse/block_builder.h"

namespace penstock::clickhouse {
namespace {

constexpr std::size_t kRows = 4000;  // Of one message, again and again.

FieldType FieldOf(PhysicalType physical, std::string_view value) {
  switch (physical) {
    case PhysicalType::kBool:
      return FieldType::kBool;
    case PhysicalType::kInt64:
      return FieldType::kInt64;
    case PhysicalType::kUint64:
      return FieldType::kUint64;
    case PhysicalType::kFloat64:
      return FieldType::kFloat64;
    case PhysicalType::kString:
      return FieldType::kString;
    case PhysicalType::kJson:
      break;
  }
  if (value.starts_with('[')) return FieldType::kArray;
  return value.starts_with('{') ? FieldType::kMap : FieldType::kInt64;
}

Cell CellOf(PhysicalType physical, const std::string& value) {
  switch (physical) {
    case PhysicalType::kBool:
      return Cell::Bool(value == "true");
    case PhysicalType::kInt64:
      return Cell::Int64(std::stoll(value));
    case PhysicalType::kUint64:
      return Cell::Uint64(std::stoull(value));
    case PhysicalType::kFloat64:
      return Cell::Float64(std::stod(value));
    case PhysicalType::kString:
      return Cell::String(value);
    case PhysicalType::kJson:
      break;
  }
  return Cell::Json(value);
}

void BM_Type(benchmark::State& state, const char* type, PhysicalType physical,
             std::string (*value)(std::size_t)) {
  Column column("v", physical);
  for (std::size_t i = 0; i < kRows; ++i) {
    const std::string text = value(i);
    column.Append(CellOf(physical, text));
  }
  TableDescription table{.database = "d", .table = "t", .engine = "Null"};
  table.columns.push_back({"v", type, DefaultKind::kNone});
  auto plan =
      BlockPlan::Make(table, std::vector<ColumnPlan>{{"v", FieldOf(physical, value(0)), "v", ""}});
  PENSTOCK_CHECK(plan.ok(), "the type takes the field");
  BlockBuilder builder(std::move(plan).value());
  const std::vector<ColumnView> views = {column.View()};
  for (auto _ : state) {
    const auto bad = builder.Append({.columns = views, .begin = 0, .end = kRows});
    PENSTOCK_CHECK(bad.ok() && bad.value().empty(), "the values are good");
    builder.Clear();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}

std::string Truth(std::size_t i) {
  return i % 3 == 0 ? "true" : "false";
}
std::string Number(std::size_t i) {
  return fmt::format("{}", i * 7 % 30'000);
}
std::string WideNumber(std::size_t i) {
  return fmt::format("12345678901234567890123{}", i);
}
std::string Amount(std::size_t i) {
  return fmt::format("{}.{:02}", i * 31 % 100'000, i % 100);
}
std::string Word(std::size_t i) {
  return fmt::format("service-{}", i % 50);
}
std::string Color(std::size_t i) {
  return i % 3 == 0 ? "red" : i % 3 == 1 ? "green" : "blue";
}
std::string Uuid(std::size_t i) {
  return fmt::format("5f1d7c1e-9a63-4f6e-8d13-{:012x}", i * 7919);
}
std::string Ip4(std::size_t i) {
  return fmt::format("10.{}.{}.{}", i % 200, i / 7 % 256, i % 256);
}
std::string Ip6(std::size_t i) {
  return fmt::format("2001:db8::{:x}:{:x}", i % 65'536, i * 31 % 65'536);
}
std::string Moment(std::size_t i) {
  return fmt::format("2024-03-15T10:{:02}:{:02}.{:03}Z", i / 60 % 60, i % 60, i % 1000);
}
std::string Day(std::size_t i) {
  return fmt::format("Fri, {:02} Mar 2024 10:22:31 UTC", 1 + i % 28);
}
std::string Date(std::size_t i) {
  return fmt::format("2024-03-{:02}", 1 + i % 28);
}
std::string Clock(std::size_t i) {
  return fmt::format("{:02}:{:02}:{:02}.{:03}", i % 24, i % 60, i / 60 % 60, i % 1000);
}
std::string Seconds(std::size_t i) {
  return fmt::format("{}.{:03}", 1'710'498'151 + i, i % 1000);
}
std::string Milliseconds(std::size_t i) {
  return fmt::format("{}", 1'710'498'151'000 + i);
}
std::string Words(std::size_t i) {
  return fmt::format(R"(["{}","{}","{}"])", Word(i), Word(i + 1), Word(i + 2));
}
std::string Numbers(std::size_t i) {
  return fmt::format("[{},{},{}]", i, i * 3, i * 5);
}
std::string Amounts(std::size_t i) {
  return fmt::format("[{},{},{}]", Amount(i), Amount(i + 1), Amount(i + 2));
}
std::string Members(std::size_t i) {
  return fmt::format(R"({{"tenant":"{}","zone":"eu-{}","attempt":"{}"}})", Word(i), i % 3, i % 5);
}
std::string Counts(std::size_t i) {
  return fmt::format(R"({{"a":{},"b":{},"c":{}}})", i, i * 3, i * 5);
}
std::string Item(std::size_t i) {
  return fmt::format(R"({{"name":"{}","quantity":{},"price":{}}})", Word(i), i % 10, Amount(i));
}
std::string Items(std::size_t i) {
  return fmt::format("[{},{},{}]", Item(i), Item(i + 1), Item(i + 2));
}
std::string Points(std::size_t i) {
  return fmt::format("[[{},1.5],[2.5,{}],[0.5,-1]]", i % 90, i % 180);
}
std::string Mixed(std::size_t i) {
  return i % 3 == 0 ? Number(i) : i % 3 == 1 ? "\"" + Word(i) + "\"" : Numbers(i);
}

using enum PhysicalType;

BENCHMARK_CAPTURE(BM_Type, Bool, "Bool", kBool, Truth);
BENCHMARK_CAPTURE(BM_Type, Int16, "Int16", kInt64, Number);
BENCHMARK_CAPTURE(BM_Type, UInt64, "UInt64", kUint64, Number);
BENCHMARK_CAPTURE(BM_Type, NullableInt16, "Nullable(Int16)", kInt64, Number);
BENCHMARK_CAPTURE(BM_Type, Int128, "Int128", kInt64, Number);
BENCHMARK_CAPTURE(BM_Type, Int256_text, "Int256", kString, WideNumber);
BENCHMARK_CAPTURE(BM_Type, Float32, "Float32", kFloat64, Number);
BENCHMARK_CAPTURE(BM_Type, BFloat16, "BFloat16", kFloat64, Number);
BENCHMARK_CAPTURE(BM_Type, Decimal64, "Decimal(18, 2)", kJson, Amount);
BENCHMARK_CAPTURE(BM_Type, Decimal128_text, "Decimal(38, 6)", kString, Amount);
BENCHMARK_CAPTURE(BM_Type, Decimal64_int, "Decimal(18, 2)", kInt64, Number);
BENCHMARK_CAPTURE(BM_Type, String, "String", kString, Uuid);
BENCHMARK_CAPTURE(BM_Type, FixedString, "FixedString(36)", kString, Uuid);
BENCHMARK_CAPTURE(BM_Type, LowCardinality, "LowCardinality(String)", kString, Word);
BENCHMARK_CAPTURE(BM_Type, LowCardinalityNullable, "LowCardinality(Nullable(String))", kString,
                  Word);
BENCHMARK_CAPTURE(BM_Type, Enum8, "Enum8('red' = 1, 'green' = 2, 'blue' = 3)", kString, Color);
BENCHMARK_CAPTURE(BM_Type, Uuid, "UUID", kString, Uuid);
BENCHMARK_CAPTURE(BM_Type, IPv4, "IPv4", kString, Ip4);
BENCHMARK_CAPTURE(BM_Type, IPv6, "IPv6", kString, Ip6);
BENCHMARK_CAPTURE(BM_Type, Date, "Date", kString, Date);
BENCHMARK_CAPTURE(BM_Type, DateTime64, "DateTime64(3)", kString, Moment);
BENCHMARK_CAPTURE(BM_Type, DateTime64_int, "DateTime64(3)", kInt64, Milliseconds);
BENCHMARK_CAPTURE(BM_Type, DateTime64_float, "DateTime64(3)", kFloat64, Seconds);
BENCHMARK_CAPTURE(BM_Type, DateTime_rfc1123, "DateTime", kString, Day);
BENCHMARK_CAPTURE(BM_Type, Time64, "Time64(3)", kString, Clock);
BENCHMARK_CAPTURE(BM_Type, ArrayString, "Array(String)", kJson, Words);
BENCHMARK_CAPTURE(BM_Type, ArrayInt64, "Array(Int64)", kJson, Numbers);
BENCHMARK_CAPTURE(BM_Type, ArrayDecimal, "Array(Decimal(18, 2))", kJson, Amounts);
BENCHMARK_CAPTURE(BM_Type, Map, "Map(String, String)", kJson, Members);
BENCHMARK_CAPTURE(BM_Type, MapLowCardinality, "Map(LowCardinality(String), String)", kJson,
                  Members);
BENCHMARK_CAPTURE(BM_Type, MapInt64, "Map(String, Int64)", kJson, Counts);
BENCHMARK_CAPTURE(BM_Type, Tuple, "Tuple(name String, quantity UInt8, price Decimal(9, 2))", kJson,
                  Item);
BENCHMARK_CAPTURE(BM_Type, Nested, "Nested(name String, quantity UInt8, price Decimal(9, 2))",
                  kJson, Items);
BENCHMARK_CAPTURE(BM_Type, Ring, "Ring", kJson, Points);
BENCHMARK_CAPTURE(BM_Type, QBit, "QBit(Float32, 3)", kJson, Numbers);
BENCHMARK_CAPTURE(BM_Type, Json, "JSON", kJson, Item);
BENCHMARK_CAPTURE(BM_Type, Variant, "Variant(Array(Int64), Int64, String)", kJson, Mixed);
BENCHMARK_CAPTURE(BM_Type, Dynamic, "Dynamic", kJson, Mixed);

}  // namespace
}  // namespace penstock::clickhouse
