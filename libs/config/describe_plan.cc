#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "config/plan_facts.h"
#include "config/planner.h"

namespace penstock::config {

namespace {

std::string_view AbsentRule(const PlannedField& field) {
  if (field.metadata) return "of Kafka";
  // Not the value: it may have come from the environment.
  if (field.default_json) return "has a default";
  return field.optional ? "optional" : "must be there";
}

std::string Mebibytes(std::uint64_t bytes) {
  return fmt::format("{} MiB", (bytes + (1 << 20) - 1) >> 20);
}

void AppendSource(std::string& out, const SourcePlan& source) {
  out += fmt::format("\nsource {}: {}\n", source.source_id,
                     source.route_key.empty() ? "the shard follows from partition and offset"
                                              : fmt::format("the shard follows from {}",
                                                            fmt::join(source.route_key, ", ")));
  std::size_t width = 5;
  for (const PlannedField& field : source.fields) width = std::max(width, field.name.size());
  for (const PlannedField& field : source.fields) {
    out += fmt::format("  {:<{}}  {:<8}  {}\n", field.name, width,
                       field.sent ? PhysicalName(field.physical) : "checked", AbsentRule(field));
  }
}

// An expression on one line: the document's may have several.
std::string OneLine(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (c == '\n') {
      line_start = true;
    } else if (!line_start || (c != ' ' && c != '\t')) {
      if (line_start && !out.empty()) out += ' ';
      line_start = false;
      out += c;
    }
  }
  return out;
}

void AppendTransform(std::string& out, std::string_view title, const TransformPlan& plan) {
  out += fmt::format("\n{}\n", title);
  if (!plan.filter.empty()) out += fmt::format("  keeps rows where  {}\n", OneLine(plan.filter));
  if (!plan.dedup_key.empty()) {
    out += fmt::format("  drops rows whose  {} came before, within {}\n",
                       fmt::join(plan.dedup_key, ", "), FormatDuration(plan.dedup_window));
  }
  if (!plan.shuffle_key.empty()) {
    out += fmt::format("  sends each row on to the shard of its  {}\n", plan.shuffle_key);
  }
  out += "  sends\n";
  std::size_t width = 0;
  for (const PlannedField& field : plan.output) width = std::max(width, field.name.size());
  for (const PlannedField& field : plan.output) {
    // Of several by one name the last counts.
    const auto output = std::ranges::find(plan.outputs.rbegin(), plan.outputs.rend(), field.name,
                                          &StatelessOutput::output_name);
    out += fmt::format("    {:<{}}  {:<8}  {}\n", field.name, width, PhysicalName(field.physical),
                       output == plan.outputs.rend() ? "as it came" : OneLine(output->expression));
  }
}

void AppendSide(std::string& out, std::string_view which, const JoinSidePlan& side,
                std::string_view until) {
  out += fmt::format("  {:<5}  {} by {}; a row {} for {}\n", which, side.source_id, side.key, until,
                     FormatDuration(side.window));
}

void AppendJoin(std::string& out, const PipelineSpec& spec, const JoinPlan& plan) {
  for (const JoinSidePlan* side : {&plan.left, &plan.right}) {
    if (!side->dedup) continue;
    AppendTransform(out, fmt::format("transform of {}", side->source_id), *side->dedup);
  }
  out += "\njoin\n";
  AppendSide(out, "left", plan.left, "waits for its partner");
  AppendSide(out, "right", plan.right, "can be a partner");
  out += fmt::format("  a left row without a partner is {}\n",
                     plan.sends_unmatched ? "sent with nulls when its time is over" : "not sent");
  if (plan.max_skew) {
    out += fmt::format("  a side that is more than {} ahead of the other waits\n",
                       FormatDuration(*plan.max_skew));
  }
  out += fmt::format("  Kafka's offset is committed when a row is taken in{}\n",
                     spec.join->commit_after_window ? " and its window has passed" : "");
  out += "  makes\n";
  std::size_t width = 0;
  for (const JoinPlan::Output& output : plan.outputs) {
    width = std::max(width, output.column.name.size());
  }
  for (const JoinPlan::Output& output : plan.outputs) {
    const JoinSidePlan& side = plan.side(output.side);
    out += fmt::format("    {:<{}}  {:<8}  {} of {}\n", output.column.name, width,
                       PhysicalName(output.column.physical), side.input[output.field].name,
                       side.source_id);
  }
  if (plan.after) AppendTransform(out, "after the join", *plan.after);
}

std::string PartsASecond(const PipelineSpec& spec, double blocks_by_age) {
  return fmt::format(
      "  parts: at most {:.3g} a second for blocks by age ({} shards, each every {}), and 1 for "
      "each "
      "{} rows of full blocks; as often as a block has partitions\n",
      blocks_by_age, spec.resources.shards, FormatDuration(spec.sink.max_delay),
      spec.sink.max_batch_rows);
}

void AppendColumns(std::string& out, const PipelineSpec& spec, const PipelinePlan& plan,
                   double blocks_by_age) {
  out += fmt::format("\ntable {}.{}\n", spec.sink.connection.database, spec.sink.table);
  if (plan.columns.empty()) out += "  each column takes the field of its name\n";
  std::size_t width = 6;
  for (const ColumnPlan& column : plan.columns) width = std::max(width, column.column_name.size());
  for (const ColumnPlan& column : plan.columns) {
    out += fmt::format("  {:<{}}  {}  from {}\n", column.column_name, width,
                       column.column_type.empty() ? "type of the table" : column.column_type,
                       column.field);
  }
  out += fmt::format("  blocks of {} rows or {} or {}\n", spec.sink.max_batch_rows,
                     FormatSize(spec.sink.max_batch_bytes), FormatDuration(spec.sink.max_delay));
  out += PartsASecond(spec, blocks_by_age);
}

}  // namespace

std::string DescribePlan(const PipelineSpec& spec, const PipelinePlan& plan, double cpus) {
  const PlanFacts facts = MakeFacts(spec, plan, cpus);
  std::string out =
      fmt::format("pipeline {}, {} shards\n\nstages\n", spec.pipeline_id, spec.resources.shards);
  std::size_t width = 0;
  for (const StageInfo& stage : facts.stages) width = std::max(width, stage.name.size());
  for (const StageInfo& stage : facts.stages) {
    out += fmt::format("  {:<{}}  {} → {}; {} threads, at most about {}\n", stage.name, width,
                       stage.reads, stage.writes, stage.threads, Mebibytes(stage.memory_bytes));
  }
  out += "\nstreams\n";
  for (const StreamInfo& stream : facts.streams) {
    out += fmt::format("  {}: {} of {} each, {}{}{}\n", stream.hop, stream.count,
                       Mebibytes(stream.max_bytes),
                       spec.resources.nats.memory_storage ? "in memory" : "on disk",
                       stream.note.empty() ? "" : "; ", stream.note);
  }
  for (const SourcePlan& source : plan.sources) AppendSource(out, source);
  if (plan.transform) AppendTransform(out, "transform", *plan.transform);
  if (plan.join) AppendJoin(out, spec, *plan.join);
  AppendColumns(out, spec, plan, facts.blocks_by_age);
  return out;
}

}  // namespace penstock::config
