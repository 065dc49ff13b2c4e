#pragma once

#include <string>

#include "base/check.h"
#include "generate/events.h"
#include "model/plan.h"

namespace penstock::bench {

/// The planned field of a workload's field, as the planner makes it of the workload's document.
inline PlannedField PlannedFieldOf(const events::EventField& field) {
  constexpr struct {
    std::string_view name;
    FieldType type;
    PhysicalType physical;
  } kTypes[] = {{"string", FieldType::kString, PhysicalType::kString},
                {"bool", FieldType::kBool, PhysicalType::kBool},
                {"int64", FieldType::kInt64, PhysicalType::kInt64},
                {"uint16", FieldType::kUint16, PhysicalType::kUint64},
                {"uint64", FieldType::kUint64, PhysicalType::kUint64},
                {"float64", FieldType::kFloat64, PhysicalType::kFloat64},
                {"array", FieldType::kArray, PhysicalType::kJson},
                {"map", FieldType::kMap, PhysicalType::kJson}};
  PlannedField planned;
  planned.name = std::string(field.name);
  planned.optional = field.optional;
  for (const auto& known : kTypes) {
    if (known.name != field.type) continue;
    planned.type = known.type;
    planned.physical = known.physical;
    return planned;
  }
  PENSTOCK_CHECK(false, "the workloads use known types");
  return planned;
}

}  // namespace penstock::bench
