#include "generate/documents.h"

#include "base/format.h"
#include "base/text.h"

namespace penstock::events {

namespace {

// YAML takes JSON's strings as they are.
std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

std::string QuotedList(std::string_view comma_separated) {
  std::string out = "[";
  while (true) {
    const std::size_t comma = comma_separated.find(',');
    out += Quoted(comma_separated.substr(0, comma));
    if (comma == std::string_view::npos) return out + "]";
    out += ", ";
    comma_separated.remove_prefix(comma + 1);
  }
}

std::string SourceSection(Workload workload, const PipelineOptions& options) {
  std::string out = fmt::format(
      "sources:\n"
      "  - type: kafka\n"
      "    source_id: {}\n"
      "    topic: {}\n"
      "    connection_params:\n"
      "      brokers: {}\n"
      "      protocol: PLAINTEXT\n"
      "      mechanism: NO_AUTH\n"
      "    consumer_group_initial_offset: earliest\n"
      "    schema_fields:\n",
      ToText(workload), Quoted(options.topic), QuotedList(options.brokers));
  for (const EventField& field : Fields(workload)) {
    out += fmt::format("      - {{name: {}, type: {}{}}}\n", field.name, field.type,
                       field.optional ? ", optional: true" : "");
  }
  return out;
}

std::string TransformsSection(Workload workload, Transforms transforms) {
  constexpr std::string_view kOutputs = R"(transforms:
  - type: filter
    source_id: users
    config:
      expression: user_id >= 109000
  - type: stateless
    source_id: users
    config:
      transforms:
        - {expression: event_id, output_name: event_id, output_type: string}
        - {expression: int(user_id) + 1, output_name: user_id, output_type: int}
        - {expression: upper(name), output_name: name, output_type: string}
        - {expression: 'split(email, "@")[1]', output_name: email, output_type: string}
        - {expression: created_at, output_name: created_at, output_type: string}
)";
  switch (transforms) {
    case Transforms::kNone:
      return "";
    case Transforms::kOutputs:
      return std::string(kOutputs);
    case Transforms::kDedup:
      return fmt::format(
          "transforms:\n"
          "  - type: dedup\n"
          "    source_id: {}\n"
          "    config:\n"
          "      key: event_id\n"
          "      time_window: 24h\n",
          ToText(workload));
  }
  return "";
}

std::string_view SortingKey(Workload workload) {
  return workload == Workload::kLogs ? "service, timestamp" : "created_at, event_id";
}

std::string SinkSection(Workload workload, const PipelineOptions& options) {
  std::string out = fmt::format(
      "sink:\n"
      "  type: clickhouse\n"
      "  connection_params:\n"
      "    host: {}\n"
      "    port: \"9000\"\n"
      "    http_port: \"{}\"\n"
      "    database: {}\n"
      "    username: {}\n"
      "    password: {}\n"
      "    secure: false\n"
      "  table: {}\n"
      "  max_batch_size: {}\n"
      "  max_delay_time: {}\n"
      "  mapping:\n",
      Quoted(options.clickhouse_host), options.clickhouse_http_port, Quoted(options.database),
      Quoted(options.username), Quoted(options.password), Quoted(options.table),
      options.max_batch_size, options.max_delay_time);
  for (const EventField& field : Fields(workload)) {
    out += fmt::format("    - {{name: {}, column_name: {}, column_type: \"{}\"}}\n", field.name,
                       field.column, field.column_type);
  }
  return out;
}

}  // namespace

std::string CreateTableStatement(Workload workload, std::string_view table, Engine engine) {
  std::string out = fmt::format("CREATE TABLE {}\n(\n", table);
  const auto fields = Fields(workload);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    out += fmt::format("    {} {}{}\n", fields[i].column, fields[i].column_type,
                       i + 1 < fields.size() ? "," : "");
  }
  out += ")\n";
  if (engine == Engine::kNull) return out + "ENGINE = Null";
  return out +
         "ENGINE = MergeTree\n"
         "ORDER BY (" +
         std::string(SortingKey(workload)) +
         ")\n"
         "SETTINGS non_replicated_deduplication_window = 10000";
}

std::string PipelineDocument(Workload workload, const PipelineOptions& options) {
  return fmt::format("version: v3\npipeline_id: {0}\nname: {0}\n", Quoted(options.pipeline_id)) +
         SourceSection(workload, options) + TransformsSection(workload, options.transforms) +
         SinkSection(workload, options) + fmt::format("resources:\n  shards: {}\n", options.shards);
}

}  // namespace penstock::events
