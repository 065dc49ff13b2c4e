#include "config/planner.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/hash.h"
#include "config/column_type.h"
#include "config/document.h"
#include "config/field_types.h"

namespace penstock::config {

namespace {

PhysicalType PhysicalOf(FieldType type) {
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
      return PhysicalType::kString;
    case FieldType::kBool:
      return PhysicalType::kBool;
    case FieldType::kInt8:
    case FieldType::kInt16:
    case FieldType::kInt32:
    case FieldType::kInt64:
      return PhysicalType::kInt64;
    case FieldType::kUint8:
    case FieldType::kUint16:
    case FieldType::kUint32:
    case FieldType::kUint64:
      return PhysicalType::kUint64;
    case FieldType::kFloat32:
    case FieldType::kFloat64:
      return PhysicalType::kFloat64;
    case FieldType::kArray:
    case FieldType::kMap:
      return PhysicalType::kJson;
  }
  return PhysicalType::kJson;
}

bool IsNumber(PhysicalType type) {
  return type == PhysicalType::kInt64 || type == PhysicalType::kUint64 ||
         type == PhysicalType::kFloat64;
}

PlannedField Plan(const SchemaField& field) {
  PlannedField planned;
  planned.name = field.name;
  planned.type = field.type;
  planned.declared_type = field.declared_type;
  planned.physical = PhysicalOf(field.type);
  planned.optional = field.optional;
  planned.default_json = field.default_json;
  return planned;
}

// Whether the mapping name means Kafka's metadata: declared fields of that name come first.
bool IsMetadata(const PipelineSpec& spec, std::string_view name) {
  return MetadataType(name).has_value() && FindField(SinkFields(spec), name) == nullptr;
}

// The fields of a source that some later stage looks at; nullopt: any may be.
std::optional<std::set<std::string>> UsedFields(const PipelineSpec& spec,
                                                const SourceSpec& source) {
  // An expression may name any field; which ones is the expression language's to say.
  if (spec.filter || spec.stateless) return std::nullopt;
  std::set<std::string> used;
  for (const DedupSpec& dedup : spec.dedups) {
    if (dedup.source_id == source.source_id) used.insert(dedup.key.begin(), dedup.key.end());
  }
  if (spec.join) {
    for (const JoinSide& side : {spec.join->left, spec.join->right}) {
      if (side.source_id == source.source_id) used.insert(side.key);
    }
    for (const JoinOutputField& field : spec.join->output_fields) {
      if (field.source_id == source.source_id) used.insert(field.name);
    }
    return used;
  }
  if (spec.sink.mapping.empty()) return std::nullopt;
  for (const MappingEntry& entry : spec.sink.mapping) used.insert(entry.name);
  return used;
}

// A number that feeds a column of arbitrary precision travels as its exact text.
void KeepExactNumbers(const PipelineSpec& spec, std::vector<PlannedField>& fields) {
  if (spec.join || spec.stateless) return;
  for (const MappingEntry& entry : spec.sink.mapping) {
    if (!NeedsExactNumber(entry.column_type)) continue;
    for (PlannedField& field : fields) {
      if (field.name == entry.name && IsNumber(field.physical))
        field.physical = PhysicalType::kJson;
    }
  }
}

bool IsInteger(const PlannedField& field) {
  return field.type >= FieldType::kInt8 && field.type <= FieldType::kUint64;
}

// Seconds with a fraction are whole seconds for a column of time: where an integer field feeds
// nothing else, the fraction is cut off, as in the reference.
void DropFractionsOfTimes(const PipelineSpec& spec, std::vector<PlannedField>& fields) {
  if (spec.join || spec.stateless) return;
  for (PlannedField& field : fields) {
    const auto feeds_field = [&](const MappingEntry& entry) { return entry.name == field.name; };
    const auto feeds_other = [&](const MappingEntry& entry) {
      return feeds_field(entry) && entry.column_type.find("DateTime") == std::string::npos;
    };
    field.drop_fraction = IsInteger(field) && std::ranges::any_of(spec.sink.mapping, feeds_field) &&
                          std::ranges::none_of(spec.sink.mapping, feeds_other);
  }
}

// Metadata that a batch does not have anyway gets a column of its own.
void AddMetadataColumns(const PipelineSpec& spec, std::vector<PlannedField>& fields) {
  for (const std::string_view name : {"_key", "_headers"}) {
    const bool mapped = std::any_of(spec.sink.mapping.begin(), spec.sink.mapping.end(),
                                    [&](const MappingEntry& entry) { return entry.name == name; });
    if (!mapped || !IsMetadata(spec, name)) continue;
    PlannedField field;
    field.name = name;
    field.type = *MetadataType(name);
    field.physical = PhysicalOf(field.type);
    field.optional = true;
    field.metadata = true;
    fields.push_back(std::move(field));
  }
}

std::vector<std::string> RouteKey(const PipelineSpec& spec, const std::string& source_id) {
  if (spec.join) {
    return {spec.join->left.source_id == source_id ? spec.join->left.key : spec.join->right.key};
  }
  for (const DedupSpec& dedup : spec.dedups) {
    if (dedup.source_id == source_id) return dedup.key;
  }
  return {};
}

Fingerprints FingerprintsOf(const PipelineSpec& spec, const std::vector<PlannedField>& fields) {
  std::string schema;
  for (const PlannedField& field : fields) {
    if (!field.sent) continue;
    schema +=
        fmt::format("{}:{}={};", field.name.size(), field.name, static_cast<int>(field.physical));
  }
  return {Hash64(fmt::format("{}/{}", spec.pipeline_id, spec.resources.shards)), Hash64(schema)};
}

SourcePlan PlanSource(const PipelineSpec& spec, const SourceSpec& source) {
  SourcePlan plan;
  plan.source_id = source.source_id;
  const std::optional<std::set<std::string>> used = UsedFields(spec, source);
  for (const SchemaField& field : source.schema_fields) {
    plan.fields.push_back(Plan(field));
    plan.fields.back().sent = !used || used->contains(field.name);
  }
  KeepExactNumbers(spec, plan.fields);
  DropFractionsOfTimes(spec, plan.fields);
  AddMetadataColumns(spec, plan.fields);
  plan.route_key = RouteKey(spec, source.source_id);
  plan.fingerprints = FingerprintsOf(spec, plan.fields);
  return plan;
}

std::vector<PlannedField> SinkColumns(const PipelineSpec& spec, const PipelinePlan& plan) {
  std::vector<PlannedField> columns;
  if (spec.join || spec.stateless) {
    for (const SchemaField& field : SinkFields(spec)) columns.push_back(Plan(field));
    return columns;
  }
  for (const PlannedField& field : plan.sources.front().fields) {
    if (field.sent) columns.push_back(field);
  }
  return columns;
}

}  // namespace

PipelinePlan MakePlan(const PipelineSpec& spec) {
  PENSTOCK_CHECK(!spec.sources.empty(), "a plan is made of a spec without faults");
  PipelinePlan plan;
  if (spec.filter || spec.stateless || !spec.dedups.empty()) plan.transform.emplace();
  plan.has_join = spec.join.has_value();
  plan.sink_hop = plan.transform || plan.has_join ? "out" : "in";
  for (const SourceSpec& source : spec.sources) plan.sources.push_back(PlanSource(spec, source));
  plan.sink_fields = SinkColumns(spec, plan);
  const std::vector<SchemaField> fields = SinkFields(spec);
  for (const MappingEntry& entry : spec.sink.mapping) {
    const SchemaField* field = FindField(fields, entry.name);
    ColumnPlan column;
    column.field = entry.name;
    column.metadata = field == nullptr;
    column.field_type =
        field != nullptr ? field->type : MetadataType(entry.name).value_or(FieldType::kString);
    column.column_name = entry.column_name;
    column.column_type = entry.column_type;
    column.null_as_default = spec.sink.null_as_default;
    plan.columns.push_back(std::move(column));
  }
  return plan;
}

}  // namespace penstock::config
