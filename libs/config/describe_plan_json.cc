#include <optional>

#include "base/format.h"
#include "base/text.h"
#include "config/plan_facts.h"
#include "config/planner.h"

namespace penstock::config {

namespace {

std::string Json(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

// "[a, b]" of the JSON texts that `item` makes.
template <typename Items, typename Item>
std::string JsonList(const Items& items, Item item) {
  std::string out = "[";
  for (const auto& each : items) {
    if (out.size() > 1) out += ", ";
    out += item(each);
  }
  return out + "]";
}

std::string JsonField(const PlannedField& field) {
  return fmt::format(
      R"({{"name": {}, "type": {}, "travels_as": "{}", "sent": {}, "optional": {}, "default": {}}})",
      Json(field.name), Json(field.declared_type), PhysicalName(field.physical), field.sent,
      field.optional, field.default_json.has_value());
}

std::string JsonTransform(const TransformPlan& plan) {
  return fmt::format(
      R"({{"filter": {}, "dedup_key": {}, "dedup_window": {}, "shuffle_key": {}, "outputs": {}, )"
      R"("sends": {}}})",
      plan.filter.empty() ? "null" : Json(plan.filter), JsonList(plan.dedup_key, Json),
      plan.dedup_key.empty() ? "null" : Json(FormatDuration(plan.dedup_window)),
      plan.shuffle_key.empty() ? "null" : Json(plan.shuffle_key),
      JsonList(plan.outputs,
               [](const StatelessOutput& output) {
                 return fmt::format(R"({{"name": {}, "type": {}, "expression": {}}})",
                                    Json(output.output_name), Json(output.output_type),
                                    Json(output.expression));
               }),
      JsonList(plan.output, JsonField));
}

std::string JsonTransform(const std::optional<TransformPlan>& plan) {
  return plan ? JsonTransform(*plan) : "null";
}

std::string JsonSide(const JoinSidePlan& side) {
  return fmt::format(R"({{"source_id": {}, "key": {}, "window": {}, "dedup": {}, "reads": {}}})",
                     Json(side.source_id), Json(side.key), Json(FormatDuration(side.window)),
                     JsonTransform(side.dedup), JsonList(side.input, JsonField));
}

std::string JsonJoin(const PipelineSpec& spec, const JoinPlan& plan) {
  const std::string outputs = JsonList(plan.outputs, [&](const JoinPlan::Output& output) {
    const JoinSidePlan& side = plan.side(output.side);
    return fmt::format(R"({{"source_id": {}, "field": {}, "column": {}}})", Json(side.source_id),
                       Json(side.input[output.field].name), JsonField(output.column));
  });
  return fmt::format(
      "{{\"left\": {},\n  \"right\": {},\n  \"sends_unmatched\": {}, \"max_skew\": {}, "
      "\"commit_after_window\": {},\n  \"outputs\": {}, \"after\": {}}}",
      JsonSide(plan.left), JsonSide(plan.right), plan.sends_unmatched,
      plan.max_skew ? Json(FormatDuration(*plan.max_skew)) : "null", spec.join->commit_after_window,
      outputs, JsonTransform(plan.after));
}

std::string JsonColumn(const ColumnPlan& column) {
  return fmt::format(R"({{"column": {}, "type": {}, "field": {}}})", Json(column.column_name),
                     column.column_type.empty() ? "null" : Json(column.column_type),
                     Json(column.field));
}

}  // namespace

std::string DescribePlanAsJson(const PipelineSpec& spec, const PipelinePlan& plan, double cpus) {
  const PlanFacts facts = MakeFacts(spec, plan, cpus);
  const std::string stages = JsonList(facts.stages, [](const StageInfo& stage) {
    return fmt::format(
        R"({{"name": {}, "reads": {}, "writes": {}, "threads": {}, "memory_bytes": {}}})",
        Json(stage.name), Json(stage.reads), Json(stage.writes), stage.threads, stage.memory_bytes);
  });
  const std::string streams = JsonList(facts.streams, [](const StreamInfo& stream) {
    return fmt::format(R"({{"hop": "{}", "count": {}, "max_bytes": {}}})", stream.hop, stream.count,
                       stream.max_bytes);
  });
  const std::string sources = JsonList(plan.sources, [](const SourcePlan& source) {
    return fmt::format(R"({{"source_id": {}, "route_key": {}, "fields": {}}})",
                       Json(source.source_id), JsonList(source.route_key, Json),
                       JsonList(source.fields, JsonField));
  });
  return fmt::format(
      "{{\"pipeline_id\": {}, \"shards\": {},\n \"stages\": {},\n \"streams\": {},\n"
      " \"sources\": {},\n \"transform\": {},\n \"join\": {},\n \"table\": {}, "
      "\"parts_per_second_by_age\": "
      "{:.3g}, \"columns\": "
      "{}}}\n",
      Json(spec.pipeline_id), spec.resources.shards, stages, streams, sources,
      JsonTransform(plan.transform), plan.join ? JsonJoin(spec, *plan.join) : "null",
      Json(spec.sink.table), facts.blocks_by_age, JsonList(plan.columns, JsonColumn));
}

}  // namespace penstock::config
