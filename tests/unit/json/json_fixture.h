#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "json/record_parser.h"
#include "support/json_oracle.h"

namespace penstock::json::testing {

/// The physical type that a planner chooses for a declared type.
inline PhysicalType PhysicalFor(FieldType type) {
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
      return PhysicalType::kString;
    case FieldType::kBool:
      return PhysicalType::kBool;
    case FieldType::kFloat32:
    case FieldType::kFloat64:
      return PhysicalType::kFloat64;
    case FieldType::kArray:
    case FieldType::kMap:
      return PhysicalType::kJson;
    case FieldType::kUint8:
    case FieldType::kUint16:
    case FieldType::kUint32:
    case FieldType::kUint64:
      return PhysicalType::kUint64;
    default:
      return PhysicalType::kInt64;
  }
}

inline PlannedField Field(std::string name, FieldType type) {
  PlannedField field;
  field.name = std::move(name);
  field.type = type;
  field.physical = PhysicalFor(type);
  return field;
}
inline PlannedField Optional(PlannedField field) {
  field.optional = true;
  return field;
}
inline PlannedField WithDefault(PlannedField field, std::string json) {
  field.default_json = std::move(json);
  return field;
}
inline PlannedField Unsent(PlannedField field) {
  field.sent = false;
  return field;
}

template <typename... Fields>
SourcePlan PlanOf(Fields... fields) {
  SourcePlan plan;
  plan.source_id = "test";
  (plan.fields.push_back(std::move(fields)), ...);
  return plan;
}

inline RecordParser ParserFor(const SourcePlan& plan, RecordParserOptions options = {}) {
  auto parser = RecordParser::Make(plan, options);
  EXPECT_TRUE(parser.ok()) << parser.error().detail;
  return std::move(parser).value();
}

/// The cells, or the error's code and detail.
inline std::string ShowAll(const Result<std::span<const Cell>>& cells) {
  if (!cells.ok()) return fmt::format("{}: {}", cells.error().code, cells.error().detail);
  std::string text;
  for (const Cell& cell : cells.value())
    text += (text.empty() ? "" : " | ") + penstock::testing::ShowCell(cell);
  return text;
}

}  // namespace penstock::json::testing
