#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/pipeline.h"
#include "config/schema.h"
#include "model/pipeline_spec.h"

/// The document's own shape, where it is not the spec's: what the table fills, and what is then
/// checked as a whole and turned into a PipelineSpec.
namespace penstock::config {

struct TransformDoc {
  std::string type;  ///< filter, dedup, stateless; empty: faulty.
  std::string source_id;
  FilterSpec filter;
  DedupSpec dedup;
  StatelessSpec stateless;
};

struct JoinDoc : JoinSpec {
  bool enabled = false;
  std::string commit = "taken";
};

struct ClickHouseDoc : ClickHouseConnection {
  std::string host;
  std::uint16_t given_http_port = 0;  ///< 0: not given.
};

struct SinkDoc : SinkSpec {
  std::string type;
  ClickHouseDoc connection_params;
};

struct PipelineDoc {
  std::string version;
  std::string pipeline_id;
  std::string name;
  std::vector<SourceSpec> sources;
  std::vector<TransformDoc> transforms;
  std::optional<JoinDoc> join;  ///< nullopt: none, or switched off.
  SinkDoc sink;
  std::vector<std::string> tags;
  ResourcesSpec resources;
};

/// The table: every field of the pipeline document.
const Schema<PipelineDoc>& PipelineSchema();

/// Its parts that have a file of their own.
const Schema<SourceSpec>& SourceSchema();
const Schema<TransformDoc>& TransformSchema();
const Schema<JoinDoc>& JoinSchema();
const Schema<SinkDoc>& SinkSchema();
const Schema<ResourcesSpec>& ResourcesSchema();

/// What ReadPipeline does with the tree of a text; `faults` are those found so far.
Document ReadNode(Node root, const ParseOptions& options, std::vector<Fault> faults);

/// The spec that the document stands for, defaults filled in. Of a faulty one the best guess: the
/// checks below still find what else is wrong.
PipelineSpec MakeSpec(PipelineDoc document);

/// Faults of fields that are right one by one and wrong together.
void CheckDocument(const PipelineDoc& document, const PipelineSpec& spec, const Node& root,
                   Findings& findings);

/// The `source_id` of a filter or stateless transform that takes the joined rows.
inline constexpr std::string_view kJoinedRows = "join";

/// The fields of a joined row; the spec has a join.
std::vector<SchemaField> JoinedFields(const PipelineSpec& spec);
/// The fields that the sink reads: of the source, the stateless outputs, or the join's outputs.
std::vector<SchemaField> SinkFields(const PipelineSpec& spec);

/// The field of that name; nullptr: none.
const SchemaField* FindField(const std::vector<SchemaField>& fields, std::string_view name);
/// The source of that id; nullptr: none.
const SourceSpec* FindSource(const PipelineSpec& spec, std::string_view source_id);

}  // namespace penstock::config
