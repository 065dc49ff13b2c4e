#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "config/planner.h"

namespace penstock::config {

namespace {

// What a process needs whatever it does: code, clients, connections, metrics.
constexpr std::uint64_t kBaseBytes = 48ULL << 20;
// librdkafka's queue of fetched records, as the ingestor bounds it.
constexpr std::uint64_t kFetchQueueBytes = 64ULL << 20;
// Messages in hand, and the pages of the key store, as the transform bounds them.
constexpr std::uint64_t kTransformBytes = 128ULL << 20;
constexpr std::uint64_t kKeyPagesBytes = 64ULL << 20;
// The key store keeps 14 bits for each key in memory, the rest on disk.
constexpr std::uint64_t kKeyMemoryBits = 14;
// How much larger a batch is before compression; JSON logs and orders give 3 to 4.
constexpr std::uint64_t kUncompressed = 4;

struct StageInfo {
  std::string name;
  std::string reads;
  std::string writes;
  int threads = 0;
  std::uint64_t memory_bytes = 0;
};

struct StreamInfo {
  std::string hop;
  std::uint32_t count = 0;
  std::uint64_t max_bytes = 0;  ///< Of each.
  std::string note;
};

/// The facts of a plan, for both forms of its description.
struct Facts {
  std::vector<StageInfo> stages;
  std::vector<StreamInfo> streams;
};

StageInfo Ingestor(const PipelineSpec& spec, const SourceSpec& source, std::string hop, int cpus) {
  const int workers = std::max(1, cpus);
  // Each worker fills a batch for each shard, while the last one of it may still be on its way.
  const std::uint64_t builders = static_cast<std::uint64_t>(workers) * spec.resources.shards *
                                 spec.resources.batch_max_bytes * (kUncompressed + 1);
  return {fmt::format("ingestor-{}", source.source_id), fmt::format("Kafka topic {}", source.topic),
          std::move(hop), 1 + workers, kBaseBytes + kFetchQueueBytes + builders};
}

StageInfo Sink(const PipelineSpec& spec, const PipelinePlan& plan, int cpus) {
  const int workers = std::max(1, cpus - 2);
  // A worker has a block twice, as it is and compressed; the coordinator has one more in the
  // making.
  const std::uint64_t blocks =
      (static_cast<std::uint64_t>(workers) * 2 + 1) * spec.sink.max_batch_bytes;
  return {"sink", std::string(plan.sink_hop == Hop::kOut ? "out" : "in"),
          fmt::format("ClickHouse table {}.{}", spec.sink.connection.database, spec.sink.table),
          1 + workers, kBaseBytes + blocks};
}

StageInfo Transform(const PipelineSpec& spec, int cpus) {
  std::uint64_t bytes = kBaseBytes + kTransformBytes;
  if (!spec.dedups.empty()) {
    bytes += kKeyPagesBytes + KeyLogBytes(spec) / kKeyLogEntryBytes * kKeyMemoryBits / 8;
  }
  return {"transform", "in", "out", cpus, bytes};
}

std::string KeyLogNote(const PipelineSpec& spec) {
  const std::chrono::nanoseconds window = spec.dedups.front().time_window;
  const double seconds = std::max(1.0, std::chrono::duration<double>(window).count());
  const double keys = static_cast<double>(KeyLogBytes(spec)) / kKeyLogEntryBytes;
  return fmt::format("room for {:.0f} new keys a second over {}, at about {} bytes each",
                     keys / seconds, FormatDuration(window), kKeyLogEntryBytes);
}

Facts MakeFacts(const PipelineSpec& spec, const PipelinePlan& plan, double cpus) {
  const int whole = static_cast<int>(std::max(1.0, std::floor(cpus)));
  const std::uint32_t shards = spec.resources.shards;
  Facts facts;
  const auto add_stream = [&](std::string hop) {
    facts.streams.push_back({std::move(hop), shards, spec.resources.nats.max_bytes / shards, ""});
  };
  for (const SourceSpec& source : spec.sources) {
    std::string hop = "in";
    if (plan.join) hop = source.source_id == spec.join->left.source_id ? "left" : "right";
    facts.stages.push_back(Ingestor(spec, source, hop, whole));
    add_stream(hop);
  }
  if (plan.join) {
    const std::uint64_t batches = static_cast<std::uint64_t>(whole) *
                                  spec.resources.batch_max_bytes * (kUncompressed + 1) * 2;
    facts.stages.push_back({"join", "left and right", "out", whole, kBaseBytes + batches});
  } else if (plan.transform) {
    facts.stages.push_back(Transform(spec, static_cast<int>(shards)));
  }
  if (plan.transform && !plan.transform->dedup_key.empty()) {
    facts.streams.push_back({"keys", shards, KeyLogBytes(spec) / shards, KeyLogNote(spec)});
  }
  if (plan.sink_hop == Hop::kOut) add_stream("out");
  facts.stages.push_back(Sink(spec, plan, whole));
  return facts;
}

std::string_view PhysicalName(PhysicalType type) {
  switch (type) {
    case PhysicalType::kBool:
      return "bool";
    case PhysicalType::kInt64:
      return "int64";
    case PhysicalType::kUint64:
      return "uint64";
    case PhysicalType::kFloat64:
      return "float64";
    case PhysicalType::kString:
      return "string";
    case PhysicalType::kJson:
      return "json";
  }
  return "";
}

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

void AppendTransform(std::string& out, const TransformPlan& plan) {
  out += "\ntransform\n";
  if (!plan.filter.empty()) out += fmt::format("  keeps rows where  {}\n", OneLine(plan.filter));
  if (!plan.dedup_key.empty()) {
    out += fmt::format("  drops rows whose  {} came before, within {}\n",
                       fmt::join(plan.dedup_key, ", "), FormatDuration(plan.dedup_window));
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

/// Blocks a second, each of which is a part for each of its partitions, when every shard's blocks
/// go out by age. Blocks that are full come on top, each with `max_batch_rows` rows.
double BlocksByAge(const PipelineSpec& spec) {
  return spec.resources.shards / std::chrono::duration<double>(spec.sink.max_delay).count();
}

std::string PartsASecond(const PipelineSpec& spec) {
  return fmt::format(
      "  parts: at most {:.3g} a second for blocks by age ({} shards, each every {}), and 1 for "
      "each "
      "{} rows of full blocks; as often as a block has partitions\n",
      BlocksByAge(spec), spec.resources.shards, FormatDuration(spec.sink.max_delay),
      spec.sink.max_batch_rows);
}

void AppendColumns(std::string& out, const PipelineSpec& spec, const PipelinePlan& plan) {
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
  out += PartsASecond(spec);
}

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
      R"({{"filter": {}, "dedup_key": {}, "dedup_window": {}, "outputs": {}, "sends": {}}})",
      plan.filter.empty() ? "null" : Json(plan.filter), JsonList(plan.dedup_key, Json),
      plan.dedup_key.empty() ? "null" : Json(FormatDuration(plan.dedup_window)),
      JsonList(plan.outputs,
               [](const StatelessOutput& output) {
                 return fmt::format(R"({{"name": {}, "type": {}, "expression": {}}})",
                                    Json(output.output_name), Json(output.output_type),
                                    Json(output.expression));
               }),
      JsonList(plan.output, JsonField));
}

std::string JsonColumn(const ColumnPlan& column) {
  return fmt::format(R"({{"column": {}, "type": {}, "field": {}}})", Json(column.column_name),
                     column.column_type.empty() ? "null" : Json(column.column_type),
                     Json(column.field));
}

}  // namespace

std::string DescribePlan(const PipelineSpec& spec, const PipelinePlan& plan, double cpus) {
  const Facts facts = MakeFacts(spec, plan, cpus);
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
  if (plan.transform) AppendTransform(out, *plan.transform);
  AppendColumns(out, spec, plan);
  return out;
}

std::string DescribePlanAsJson(const PipelineSpec& spec, const PipelinePlan& plan, double cpus) {
  const Facts facts = MakeFacts(spec, plan, cpus);
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
      " \"sources\": {},\n \"transform\": {},\n \"table\": {}, \"parts_per_second_by_age\": "
      "{:.3g}, \"columns\": "
      "{}}}\n",
      Json(spec.pipeline_id), spec.resources.shards, stages, streams, sources,
      plan.transform ? JsonTransform(*plan.transform) : "null", Json(spec.sink.table),
      BlocksByAge(spec), JsonList(plan.columns, JsonColumn));
}

}  // namespace penstock::config
