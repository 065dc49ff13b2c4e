#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "clickhouse/block_builder.h"
#include "support/native_reader.h"

namespace penstock::clickhouse {

inline FieldType FieldTypeFor(PhysicalType type) {
  switch (type) {
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
  return FieldType::kArray;
}

inline TableDescription TableOf(std::vector<std::pair<std::string, std::string>> columns) {
  TableDescription table{.database = "db", .table = "t", .engine = "MergeTree"};
  for (auto& [name, type] : columns) {
    table.columns.push_back({std::move(name), std::move(type), DefaultKind::kNone});
  }
  return table;
}

inline std::shared_ptr<const BlockPlan> PlanOf(const TableDescription& table,
                                               const std::vector<ColumnPlan>& columns) {
  auto plan = BlockPlan::Make(table, columns);
  EXPECT_TRUE(plan.ok()) << (plan.ok() ? "" : plan.error().detail);
  return plan.ok() ? std::move(plan).value() : nullptr;
}

/// A plan for one column `v` of a type, fed by the field `v`. Floats go into a Decimal only where
/// the mapping names the type.
inline std::shared_ptr<const BlockPlan> PlanOfOne(const std::string& type, FieldType field) {
  const bool declared = type.starts_with("Decimal") && field == FieldType::kFloat64;
  return PlanOf(TableOf({{"v", type}}), {{"v", field, "v", declared ? type : ""}});
}

inline FieldType FieldFor(const std::string& type, const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) {
    if (cell.presence != Presence::kValue) continue;
    if (cell.type != PhysicalType::kJson) return FieldTypeFor(cell.type);
    if (type.starts_with("Array")) return FieldType::kArray;
    if (type.starts_with("Map") || cell.text.starts_with('{')) return FieldType::kMap;
    if (cell.text.starts_with('"')) return FieldType::kString;
    return cell.text.starts_with('[') ? FieldType::kArray : FieldType::kInt64;
  }
  return type.starts_with("Map") ? FieldType::kMap : FieldType::kString;
}

inline Column ColumnOf(const std::string& name, const std::vector<Cell>& cells) {
  PhysicalType type = PhysicalType::kString;
  for (const Cell& cell : cells) {
    if (cell.presence == Presence::kValue) type = cell.type;
  }
  Column column(name, type);
  for (const Cell& cell : cells) column.Append(cell);
  return column;
}

/// What became of the cells of one column.
struct Converted {
  std::string body;                 ///< The Native block.
  std::vector<std::string> values;  ///< As JSON.
  std::vector<BadRow> bad;
};

inline Converted Convert(const std::string& type, const std::vector<Cell>& cells) {
  Converted result;
  const auto plan = PlanOfOne(type, FieldFor(type, cells));
  if (plan == nullptr) return result;
  const Column column = ColumnOf("v", cells);
  const std::vector<ColumnView> views = {column.View()};
  BlockBuilder builder(plan);
  auto bad = builder.Append({.columns = views, .begin = 0, .end = cells.size()});
  EXPECT_TRUE(bad.ok()) << (bad.ok() ? "" : bad.error().detail);
  if (bad.ok()) result.bad = std::move(bad).value();
  result.body = builder.Finish(BodyCodec::kNone).body;
  if (result.body.empty()) return result;
  auto block = testing::ReadNativeBlock(result.body);
  EXPECT_TRUE(block.ok()) << type << ": " << (block.ok() ? "" : block.error().detail);
  if (block.ok()) result.values = block.value().at(0).values;
  return result;
}

}  // namespace penstock::clickhouse
