#include "json/field_rule.h"

#include <array>
#include <utility>

#include "base/format.h"
#include "json/record_parser.h"
#include "model/dead_letter.h"

namespace penstock::json {

namespace {

JsonKind KindOfType(FieldType type) {
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
      return JsonKind::kString;
    case FieldType::kBool:
      return JsonKind::kBool;
    case FieldType::kArray:
      return JsonKind::kArray;
    case FieldType::kMap:
      return JsonKind::kObject;
    default:
      return JsonKind::kNumber;
  }
}

// The reference's names for what is wanted and for what is there.
std::string_view Wanted(JsonKind kind) {
  constexpr std::array<std::string_view, 7> kNames{"string", "number", "boolean", "array",
                                                   "object", "null",   "value"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string_view Got(char first) {
  switch (KindOf(first)) {
    case JsonKind::kString:
      return "String";
    case JsonKind::kNumber:
      return "Number";
    case JsonKind::kBool:
      return first == 't' ? "True" : "False";
    case JsonKind::kArray:
    case JsonKind::kObject:
      return "JSON";
    default:
      return "Null";
  }
}

Result<Take> TakeFor(JsonKind kind, const PlannedField& field) {
  if (!field.sent) return Take::kNothing;
  switch (field.physical) {
    case PhysicalType::kBool:
      if (kind == JsonKind::kBool) return Take::kBool;
      break;
    case PhysicalType::kInt64:
    case PhysicalType::kUint64:
    case PhysicalType::kFloat64:
      if (kind == JsonKind::kNumber) return Take::kNumber;
      break;
    case PhysicalType::kString:
      if (kind == JsonKind::kString) return Take::kText;
      break;
    case PhysicalType::kJson:
      return Take::kRaw;
  }
  return Error{Remedy::kStop, "config",
               fmt::format("field '{}' of type {} cannot be sent as physical type {}", field.name,
                           Wanted(kind), static_cast<int>(field.physical))};
}

// Reads the default as a record's value would be read: the same checks, the same cell.
Status ReadDefault(const PlannedField& field, FieldRule& rule) {
  PlannedField alone = field;
  alone.name = "value";
  alone.optional = true;
  alone.default_json.reset();
  SourcePlan plan;
  plan.fields.push_back(std::move(alone));
  PENSTOCK_ASSIGN_OR_RETURN(RecordParser parser, RecordParser::Make(plan));
  const std::string record = fmt::format("{{\"value\":{}}}", *field.default_json);
  const auto cells = parser.Parse(record);
  if (!cells.ok()) {
    return Error{Remedy::kStop, "config",
                 fmt::format("the default of field '{}': {}", field.name, cells.error().detail)};
  }
  if (!field.sent) return Done{};
  rule.fallback = cells.value().front();
  rule.fallback_text = std::string(rule.fallback.text);
  rule.fallback.text = {};
  return Done{};
}

}  // namespace

Result<FieldRule> MakeRule(const PlannedField& field, std::size_t slot) {
  FieldRule rule;
  rule.name = field.name;
  rule.kind = KindOfType(field.type);
  PENSTOCK_ASSIGN_OR_RETURN(rule.take, TakeFor(rule.kind, field));
  rule.physical = field.physical;
  rule.drop_fraction = field.drop_fraction;
  rule.may_lack = field.optional || field.default_json.has_value() || field.metadata;
  rule.has_default = field.default_json.has_value();
  rule.slot = slot;
  if (rule.has_default) PENSTOCK_RETURN_IF_ERROR(ReadDefault(field, rule));
  return rule;
}

Error SchemaMismatch(const FieldRule& rule, Flaw flaw, char first, std::string_view text) {
  std::string what;
  switch (flaw) {
    case Flaw::kMissing:
      what = "is missing in the message";
      break;
    case Flaw::kRange:
      what = fmt::format("type validation failed: {} is out of range for {}", text.substr(0, 40),
                         rule.physical == PhysicalType::kFloat64  ? "a 64-bit float"
                         : rule.physical == PhysicalType::kUint64 ? "an unsigned 64-bit integer"
                                                                  : "a signed 64-bit integer");
      break;
    case Flaw::kFraction:
      what = fmt::format("type validation failed: expected an integer, got {}", text.substr(0, 40));
      break;
    default:
      what =
          fmt::format("type validation failed: expected {}, got {}", Wanted(rule.kind), Got(first));
  }
  return Error{Remedy::kDeadLetter, ToText(DeadLetterReason::kSchemaMismatch),
               fmt::format("failed to validate data: validate json data against fields: "
                           "field '{}' {}",
                           rule.name, what)};
}

}  // namespace penstock::json
