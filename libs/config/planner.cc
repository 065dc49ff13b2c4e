#include "config/planner.h"

#include <algorithm>
#include <iterator>

#include "base/format.h"
#include "base/hash.h"
#include "config/column_type.h"
#include "config/document.h"
#include "config/field_types.h"
#include "config/used_fields.h"
#include "expr/output.h"

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

// Whether the mapping entry's value is this field of the source as it is.
bool Feeds(const PipelineSpec& spec, const SourceSpec& source, const PlannedField& field,
           const MappingEntry& entry) {
  if (spec.stateless) return false;
  if (!spec.join) return entry.name == field.name;
  return std::ranges::any_of(spec.join->output_fields, [&](const JoinOutputField& output) {
    return output.source_id == source.source_id && output.name == field.name &&
           output.output_name == entry.name;
  });
}

// A number that feeds a column of arbitrary precision travels as its exact text.
void KeepExactNumbers(const PipelineSpec& spec, const SourceSpec& source,
                      std::vector<PlannedField>& fields) {
  for (const MappingEntry& entry : spec.sink.mapping) {
    if (!NeedsExactNumber(entry.column_type)) continue;
    for (PlannedField& field : fields) {
      if (IsNumber(field.physical) && Feeds(spec, source, field, entry)) {
        field.physical = PhysicalType::kJson;
      }
    }
  }
}

bool IsInteger(const PlannedField& field) {
  return field.type >= FieldType::kInt8 && field.type <= FieldType::kUint64;
}

const DedupSpec* DedupOf(const PipelineSpec& spec, const std::string& source_id) {
  const auto found = std::ranges::find(spec.dedups, source_id, &DedupSpec::source_id);
  return found == spec.dedups.end() ? nullptr : &*found;
}

const JoinSide& SideOf(const PipelineSpec& spec, const std::string& source_id) {
  return spec.join->left.source_id == source_id ? spec.join->left : spec.join->right;
}

// Of dedup or join.
bool IsKey(const PipelineSpec& spec, const SourceSpec& source, const std::string& name) {
  const DedupSpec* dedup = DedupOf(spec, source.source_id);
  if (dedup != nullptr && std::ranges::find(dedup->key, name) != dedup->key.end()) return true;
  return spec.join && SideOf(spec, source.source_id).key == name;
}

// Seconds with a fraction are whole seconds for a column of time: where an integer field feeds
// nothing else, the fraction is cut off, as in the reference. Not of a key: two would become one.
void DropFractionsOfTimes(const PipelineSpec& spec, const SourceSpec& source,
                          std::vector<PlannedField>& fields) {
  for (PlannedField& field : fields) {
    const auto feeds_field = [&](const MappingEntry& entry) {
      return Feeds(spec, source, field, entry);
    };
    const auto feeds_other = [&](const MappingEntry& entry) {
      return feeds_field(entry) && entry.column_type.find("DateTime") == std::string::npos;
    };
    field.drop_fraction = IsInteger(field) && !IsKey(spec, source, field.name) &&
                          std::ranges::any_of(spec.sink.mapping, feeds_field) &&
                          std::ranges::none_of(spec.sink.mapping, feeds_other);
  }
}

// An object that an expression reads as a whole, though only members of it are declared.
PlannedField Enclosing(const std::string& name) {
  PlannedField field;
  field.name = name;
  field.type = FieldType::kMap;
  field.declared_type = "map";
  field.physical = PhysicalType::kJson;
  field.optional = true;
  return field;
}

// Metadata that a batch does not have anyway gets a column of its own.
void AddMetadataColumns(const PipelineSpec& spec, std::vector<PlannedField>& fields) {
  if (spec.join) return;
  for (const std::string_view name : {"_key", "_headers"}) {
    const bool mapped = std::any_of(spec.sink.mapping.begin(), spec.sink.mapping.end(),
                                    [&](const MappingEntry& entry) { return entry.name == name; });
    if (!mapped || !IsMetadata(spec, name)) continue;
    // A declared field comes before the metadata of its name, also behind outputs without it.
    const auto declared = std::ranges::find(fields, name, &PlannedField::name);
    if (declared != fields.end()) {
      declared->sent = true;
      continue;
    }
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
  if (const DedupSpec* dedup = DedupOf(spec, source_id)) return dedup->key;
  if (spec.join) return {SideOf(spec, source_id).key};
  return {};
}

Hop FirstHop(const PipelineSpec& spec, const std::string& source_id) {
  if (!spec.join) return Hop::kIn;
  const bool left = spec.join->left.source_id == source_id;
  if (DedupOf(spec, source_id) != nullptr) return left ? Hop::kLeftIn : Hop::kRightIn;
  return left ? Hop::kLeft : Hop::kRight;
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
  const UsedFields used = FieldsInUse(spec, source);
  for (const SchemaField& field : source.schema_fields) {
    plan.fields.push_back(Plan(field));
    plan.fields.back().sent = used.all || used.declared.contains(field.name);
  }
  for (const std::string& name : used.enclosing) plan.fields.push_back(Enclosing(name));
  KeepExactNumbers(spec, source, plan.fields);
  DropFractionsOfTimes(spec, source, plan.fields);
  AddMetadataColumns(spec, plan.fields);
  plan.route_key = RouteKey(spec, source.source_id);
  plan.hop = FirstHop(spec, source.source_id);
  plan.clocks = spec.join.has_value();
  plan.fingerprints = FingerprintsOf(spec, plan.fields);
  return plan;
}

std::vector<PlannedField> SentFields(const SourcePlan& source) {
  std::vector<PlannedField> sent;
  std::ranges::copy_if(source.fields, std::back_inserter(sent), &PlannedField::sent);
  return sent;
}

// How the values of an output travel: as what its type makes of them, else as JSON.
PhysicalType PhysicalOfOutput(std::string_view output_type) {
  switch (expr::OutputTypeOf(output_type)) {
    case expr::OutputType::kString:
      return PhysicalType::kString;
    case expr::OutputType::kInt:
      return PhysicalType::kInt64;
    case expr::OutputType::kFloat64:
      return PhysicalType::kFloat64;
    case expr::OutputType::kBool:
      return PhysicalType::kBool;
    case expr::OutputType::kAsIs:
      return PhysicalType::kJson;
  }
  return PhysicalType::kJson;
}

// The columns that come from the outputs; of several by one name the last counts.
std::vector<PlannedField> OutputColumns(const PipelineSpec& spec) {
  std::vector<PlannedField> columns;
  for (const SchemaField& output : SinkFields(spec)) {
    PlannedField column = Plan(output);
    column.physical = PhysicalOfOutput(output.declared_type);
    std::erase_if(columns, [&](const PlannedField& other) { return other.name == column.name; });
    columns.push_back(std::move(column));
  }
  return columns;
}

// Behind outputs only metadata that none of them is named like.
bool IsPassedOn(const PipelineSpec& spec, const PlannedField& field) {
  if (!SinkReads(spec, field.name)) return false;
  const bool declared = FindField(SinkFields(spec), field.name) != nullptr;
  return spec.stateless ? IsMetadata(spec, field.name) : declared || field.metadata;
}

std::optional<TransformPlan> PlanTransform(const PipelineSpec& spec, const SourcePlan& source) {
  if (spec.join || spec.sources.size() != 1) return std::nullopt;
  if (!spec.filter && !spec.stateless && spec.dedups.empty()) return std::nullopt;
  TransformPlan plan;
  plan.source_id = source.source_id;
  if (spec.filter) plan.filter = spec.filter->expression;
  if (!spec.dedups.empty()) {
    plan.dedup_key = spec.dedups.front().key;
    plan.dedup_window = spec.dedups.front().time_window;
  }
  plan.input = SentFields(source);
  if (spec.stateless) {
    plan.outputs = spec.stateless->outputs;
    plan.output = OutputColumns(spec);
  }
  for (const PlannedField& field : plan.input) {
    if (IsPassedOn(spec, field)) plan.output.push_back(field);
  }
  plan.fingerprints = FingerprintsOf(spec, plan.output);
  return plan;
}

bool JoinReads(const PipelineSpec& spec, const std::string& source_id, const std::string& name) {
  return SideOf(spec, source_id).key == name ||
         std::ranges::any_of(spec.join->output_fields, [&](const JoinOutputField& output) {
           return output.source_id == source_id && output.name == name;
         });
}

// The dedup in front of a join's side.
TransformPlan PlanSideDedup(const PipelineSpec& spec, const SourcePlan& source,
                            const DedupSpec& dedup) {
  const bool left = spec.join->left.source_id == source.source_id;
  TransformPlan plan;
  plan.source_id = source.source_id;
  plan.from = source.hop;
  plan.to = left ? Hop::kLeft : Hop::kRight;
  plan.keys = left ? Hop::kLeftKeys : Hop::kRightKeys;
  plan.dedup_key = dedup.key;
  plan.dedup_window = dedup.time_window;
  const std::string& join_key = SideOf(spec, source.source_id).key;
  if (dedup.key != std::vector<std::string>{join_key}) plan.shuffle_key = join_key;
  plan.input = SentFields(source);
  std::ranges::copy_if(plan.input, std::back_inserter(plan.output), [&](const PlannedField& field) {
    return JoinReads(spec, source.source_id, field.name);
  });
  plan.fingerprints = FingerprintsOf(spec, plan.output);
  return plan;
}

JoinSidePlan PlanSide(const PipelineSpec& spec, const JoinSide& side, const SourcePlan& source) {
  JoinSidePlan plan;
  plan.source_id = side.source_id;
  plan.key = side.key;
  plan.window = side.time_window;
  plan.input = SentFields(source);
  plan.fingerprints = source.fingerprints;
  if (const DedupSpec* dedup = DedupOf(spec, side.source_id)) {
    plan.dedup = PlanSideDedup(spec, source, *dedup);
    plan.input = plan.dedup->output;
    plan.fingerprints = plan.dedup->fingerprints;
    plan.shuffled = !plan.dedup->shuffle_key.empty();
  }
  return plan;
}

// Filter and outputs over the joined rows.
std::optional<TransformPlan> PlanAfterJoin(const PipelineSpec& spec,
                                           const std::vector<PlannedField>& joined) {
  if (!spec.filter && !spec.stateless) return std::nullopt;
  TransformPlan plan;
  plan.source_id = kJoinedRows;
  if (spec.filter) plan.filter = spec.filter->expression;
  plan.input = joined;
  if (spec.stateless) {
    plan.outputs = spec.stateless->outputs;
    plan.output = OutputColumns(spec);
  } else {
    std::ranges::copy_if(joined, std::back_inserter(plan.output),
                         [&](const PlannedField& field) { return IsPassedOn(spec, field); });
  }
  plan.fingerprints = FingerprintsOf(spec, plan.output);
  return plan;
}

JoinPlan::Output PlanJoinOutput(const JoinPlan& plan, const JoinOutputField& field) {
  JoinPlan::Output output;
  output.side = field.source_id == plan.left.source_id ? Side::kLeft : Side::kRight;
  const std::vector<PlannedField>& input = plan.side(output.side).input;
  const auto found = std::ranges::find(input, field.name, &PlannedField::name);
  PENSTOCK_CHECK(found != input.end(), "a side's input has what the join's outputs name");
  output.field = static_cast<std::size_t>(found - input.begin());
  output.column = *found;
  output.column.name = field.output_name;
  output.column.optional |= plan.sends_unmatched && output.side == Side::kRight;
  return output;
}

// Equal values of the two have equal bytes only where they travel in the same way.
bool AreAlike(PhysicalType one, PhysicalType other) {
  const auto is_integer = [](PhysicalType type) {
    return type == PhysicalType::kInt64 || type == PhysicalType::kUint64;
  };
  return one == other || (is_integer(one) && is_integer(other));
}

bool HaveKeysOfOtherTypes(const PipelineSpec& spec, const SourcePlan& left,
                          const SourcePlan& right) {
  const auto type_of = [](const SourcePlan& source, const std::string& key) {
    return std::ranges::find(source.fields, key, &PlannedField::name)->physical;
  };
  return !AreAlike(type_of(left, spec.join->left.key), type_of(right, spec.join->right.key));
}

std::optional<JoinPlan> PlanJoin(const PipelineSpec& spec, PipelinePlan& pipeline) {
  if (!spec.join) return std::nullopt;
  const auto source = [&](const JoinSide& side) -> SourcePlan& {
    return *std::ranges::find(pipeline.sources, side.source_id, &SourcePlan::source_id);
  };
  const bool as_text =
      HaveKeysOfOtherTypes(spec, source(spec.join->left), source(spec.join->right));
  for (const JoinSide* side : {&spec.join->left, &spec.join->right}) {
    // Rows that a dedup shuffles get to their shard behind it.
    source(*side).route_as_text =
        as_text && source(*side).route_key == std::vector<std::string>{side->key};
  }
  JoinPlan plan;
  plan.left = PlanSide(spec, spec.join->left, source(spec.join->left));
  plan.right = PlanSide(spec, spec.join->right, source(spec.join->right));
  plan.keys_as_text = as_text;
  for (JoinSidePlan* side : {&plan.left, &plan.right}) {
    if (side->shuffled) side->dedup->shuffle_as_text = as_text;
  }
  plan.sends_unmatched = spec.join->kind == "left";
  plan.max_skew = spec.join->max_skew;
  std::vector<PlannedField> joined;
  for (const JoinOutputField& field : spec.join->output_fields) {
    if (!spec.filter && !spec.stateless && !SinkReads(spec, field.output_name)) continue;
    plan.outputs.push_back(PlanJoinOutput(plan, field));
    joined.push_back(plan.outputs.back().column);
  }
  plan.after = PlanAfterJoin(spec, joined);
  plan.output = plan.after ? plan.after->output : joined;
  plan.fingerprints = FingerprintsOf(spec, plan.output);
  return plan;
}

std::vector<PlannedField> SinkColumns(const PipelinePlan& plan) {
  if (plan.transform) return plan.transform->output;
  return plan.join ? plan.join->output : SentFields(plan.sources.front());
}

}  // namespace

PipelinePlan MakePlan(const PipelineSpec& spec) {
  PENSTOCK_CHECK(!spec.sources.empty(), "a plan is made of a spec without faults");
  PipelinePlan plan;
  for (const SourceSpec& source : spec.sources) plan.sources.push_back(PlanSource(spec, source));
  plan.transform = PlanTransform(spec, plan.sources.front());
  plan.join = PlanJoin(spec, plan);
  plan.sink_hop = plan.transform || plan.join ? Hop::kOut : Hop::kIn;
  plan.sink_fields = SinkColumns(plan);
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
