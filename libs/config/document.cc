#include "config/document.h"

#include <utility>

#include "config/field_types.h"

namespace penstock::config {

namespace {

void FillSources(PipelineSpec& spec) {
  for (SourceSpec& source : spec.sources) {
    if (source.type != SourceType::kKafka) source.schema_fields = OtlpFields(source.type);
    // A SASL protocol without a mechanism is what is below SASL.
    if (source.connection.mechanism == "NO_AUTH" &&
        source.connection.protocol.starts_with("SASL_")) {
      source.connection.protocol = source.connection.protocol == "SASL_SSL" ? "SSL" : "PLAINTEXT";
    }
    if (!source.consumer_group.empty()) continue;
    source.consumer_group = "penstock-" + spec.pipeline_id;
    // Two sources may read the same topic.
    if (spec.sources.size() > 1) source.consumer_group += "-" + source.source_id;
  }
}

void FillTransforms(std::vector<TransformDoc> transforms, PipelineSpec& spec) {
  for (TransformDoc& transform : transforms) {
    if (transform.type == "filter") {
      spec.filter = std::move(transform.filter);
      spec.filter->source_id = transform.source_id;
    } else if (transform.type == "dedup") {
      spec.dedups.push_back(std::move(transform.dedup));
      spec.dedups.back().source_id = transform.source_id;
    } else if (transform.type == "stateless") {
      spec.stateless = std::move(transform.stateless);
      spec.stateless->source_id = transform.source_id;
    }
  }
}

void FillSink(SinkDoc sink, PipelineSpec& spec) {
  constexpr std::uint16_t kHttp = 8123;
  constexpr std::uint16_t kHttps = 8443;
  ClickHouseDoc connection = std::move(sink.connection_params);
  if (!connection.host.empty()) connection.hosts.insert(connection.hosts.begin(), connection.host);
  connection.http_port = connection.given_http_port != 0 ? connection.given_http_port
                         : connection.secure             ? kHttps
                                                         : kHttp;
  spec.sink = std::move(static_cast<SinkSpec&>(sink));
  spec.sink.connection = std::move(static_cast<ClickHouseConnection&>(connection));
}

// What its values are, as far as the name says; any value that has no name here travels as a map.
FieldType OutputType(std::string_view output_type) {
  if (output_type.starts_with("[]")) return FieldType::kArray;
  return FieldTypeOf(output_type).value_or(FieldType::kMap);
}

}  // namespace

PipelineSpec MakeSpec(PipelineDoc document) {
  PipelineSpec spec;
  spec.pipeline_id = std::move(document.pipeline_id);
  spec.name = document.name.empty() ? spec.pipeline_id : std::move(document.name);
  spec.sources = std::move(document.sources);
  spec.tags = std::move(document.tags);
  spec.resources = std::move(document.resources);
  if (document.join) {
    spec.join = std::move(static_cast<JoinSpec&>(*document.join));
    spec.join->commit_after_window = document.join->commit == "window";
    for (JoinOutputField& field : spec.join->output_fields) {
      if (field.output_name.empty()) field.output_name = field.name;
    }
  }
  FillSources(spec);
  FillTransforms(std::move(document.transforms), spec);
  FillSink(std::move(document.sink), spec);
  return spec;
}

std::vector<SchemaField> JoinedFields(const PipelineSpec& spec) {
  std::vector<SchemaField> fields;
  for (const JoinOutputField& output : spec.join->output_fields) {
    const SourceSpec* source = FindSource(spec, output.source_id);
    const SchemaField* field =
        source == nullptr ? nullptr : FindField(source->schema_fields, output.name);
    fields.push_back(field == nullptr ? SchemaField{} : *field);
    fields.back().name = output.output_name;
    fields.back().optional |=
        spec.join->kind == "left" && output.source_id == spec.join->right.source_id;
  }
  return fields;
}

std::vector<SchemaField> SinkFields(const PipelineSpec& spec) {
  std::vector<SchemaField> fields;
  if (spec.stateless) {
    for (const StatelessOutput& output : spec.stateless->outputs) {
      fields.push_back({output.output_name, OutputType(output.output_type), output.output_type,
                        /*optional=*/true, std::nullopt});
    }
  } else if (spec.join) {
    fields = JoinedFields(spec);
  } else if (!spec.sources.empty()) {
    fields = spec.sources.front().schema_fields;
  }
  return fields;
}

const SchemaField* FindField(const std::vector<SchemaField>& fields, std::string_view name) {
  for (const SchemaField& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

const SourceSpec* FindSource(const PipelineSpec& spec, std::string_view source_id) {
  for (const SourceSpec& source : spec.sources) {
    if (source.source_id == source_id) return &source;
  }
  return nullptr;
}

}  // namespace penstock::config
