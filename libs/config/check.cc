#include <algorithm>
#include <set>

#include "config/document.h"
#include "config/field_types.h"
#include "config/nearest.h"
#include "config/quantity.h"
#include "expr/check_schema.h"

namespace penstock::config {

namespace {

std::vector<std::string_view> NamesOf(const std::vector<SchemaField>& fields) {
  std::vector<std::string_view> names;
  names.reserve(fields.size());
  for (const SchemaField& field : fields) names.push_back(field.name);
  return names;
}

/// The rules that span fields. Each method looks at one part of the document; a part that was not
/// readable is empty, and rules do not complain about what is already reported missing.
// A joined row comes from two records: of Kafka's metadata it has the left one's time.
bool IsOfJoinedRows(std::string_view metadata) {
  return metadata == "_timestamp" || metadata == "_ingest_time";
}

class Checker {
 public:
  Checker(const PipelineDoc& document, const PipelineSpec& spec, const Node& root,
          Findings& findings)
      : document_(document), spec_(spec), root_(root), findings_(findings) {}

  void Run() {
    Sources();
    Transforms();
    Join();
    Sink();
    Resources();
  }

 private:
  void Fault(const std::string& path, std::string message) {
    findings_.AddFault(Locate(root_, path).place(), path, std::move(message));
  }
  void Note(const std::string& path, std::string message) {
    findings_.AddNote(Locate(root_, path).place(), path, std::move(message));
  }
  bool Has(std::string_view path) const {
    const Node* node = FindPath(root_, path);
    return node != nullptr && node->kind != Node::Kind::kNull;
  }
  // Whether the value there is text that could be read; others are reported already.
  bool Readable(std::string_view path) const {
    const Node* node = FindPath(root_, path);
    return node != nullptr && node->kind == Node::Kind::kText && !node->unresolved &&
           !node->text.empty();
  }
  bool TwoKafkaSources() const {
    return spec_.sources.size() == 2 && spec_.sources[0].type == SourceType::kKafka &&
           spec_.sources[1].type == SourceType::kKafka;
  }
  bool Hidden(std::string_view path) const { return Locate(root_, path).from_reference; }

  void Sources();
  void KafkaSource(const SourceSpec& source, const std::string& path);
  void OtlpSource(const std::string& path);
  void Login(const KafkaConnection& connection, const std::string& path);
  void Fields(const SourceSpec& source, const std::string& path);
  void Certificate(const std::string& cert, const std::string& key, const std::string& path);
  void Transforms();
  void DedupKey(const DedupSpec& dedup, const SourceSpec& source, const std::string& path);
  void Outputs(const StatelessSpec& stateless, const std::string& path);
  void Expressions(const TransformDoc& transform, const std::vector<SchemaField>& fields,
                   const std::string& path);
  void Expression(const std::string& path, const Status& status);
  void Join();
  void JoinSides();
  void JoinOutputs();
  void Sink();
  void Mapping();
  void Resources();
  void Component(const ComponentResources& component, const std::string& path);
  void SourceResources();
  void KnownSource(const std::string& source_id, const std::string& path);

  const PipelineDoc& document_;
  const PipelineSpec& spec_;
  const Node& root_;
  Findings& findings_;
};

void Checker::KnownSource(const std::string& source_id, const std::string& path) {
  if (!Readable(path) || FindSource(spec_, source_id) != nullptr) return;
  std::vector<std::string_view> ids;
  for (const SourceSpec& source : spec_.sources) ids.push_back(source.source_id);
  Fault(path, Hidden(path) ? "no source has this source_id"
                           : fmt::format("no source has the source_id \"{}\"{}", source_id,
                                         Hint(source_id, ids)));
}

void Checker::Sources() {
  constexpr std::size_t kMaxSources = 2;
  const Node* list = root_.Find("sources");
  if (list != nullptr && list->kind == Node::Kind::kList && list->children.empty()) {
    Fault("sources", "must have one source, or two with a join");
  }
  if (spec_.sources.size() > kMaxSources) Fault("sources", "must have at most two sources");
  std::set<std::string_view> ids;
  std::size_t otlp = 0;
  for (std::size_t i = 0; i < spec_.sources.size(); ++i) {
    const SourceSpec& source = spec_.sources[i];
    const std::string path = fmt::format("sources[{}]", i);
    if (!source.source_id.empty() && !ids.insert(source.source_id).second) {
      Fault(path + ".source_id", "another source has this source_id; it must be unique");
    }
    if (!Readable(path + ".type")) continue;
    if (source.type == SourceType::kKafka) {
      KafkaSource(source, path);
    } else {
      ++otlp;
      OtlpSource(path);
    }
  }
  if (otlp > 1) Fault("sources", "must have at most one OTLP source");
  if (otlp == 1 && spec_.sources.size() > 1) {
    Fault("sources", "an OTLP source must be the only one; Kafka and OTLP cannot be mixed");
  }
}

void Checker::KafkaSource(const SourceSpec& source, const std::string& path) {
  for (const char* name : {"topic", "connection_params", "schema_fields"}) {
    if (!Has(fmt::format("{}.{}", path, name))) {
      Fault(fmt::format("{}.{}", path, name), "is required for a Kafka source");
    }
  }
  if (Has(path + ".schema_fields") && source.schema_fields.empty() &&
      Locate(root_, path + ".schema_fields").kind == Node::Kind::kList) {
    Fault(path + ".schema_fields", "must have at least one field");
  }
  if (source.schema_registry) {
    Note(path + ".schema_registry", "is not asked: framed records are read with schema_fields");
  }
  Login(source.connection, path + ".connection_params");
  Fields(source, path + ".schema_fields");
}

void Checker::OtlpSource(const std::string& path) {
  for (const char* name : {"topic", "connection_params", "schema_fields", "schema_registry"}) {
    if (Has(fmt::format("{}.{}", path, name))) {
      Fault(fmt::format("{}.{}", path, name), "must be left out of an OTLP source");
    }
  }
}

void Checker::Login(const KafkaConnection& connection, const std::string& path) {
  const Node* protocol = FindPath(root_, path + ".protocol");
  if (protocol != nullptr && !protocol->unresolved && protocol->text.starts_with("SASL") &&
      connection.mechanism == "NO_AUTH" && Readable(path + ".mechanism")) {
    Note(path + ".protocol",
         fmt::format("is taken as {}: the mechanism is NO_AUTH", connection.protocol));
  }
  const auto need = [&](const char* name, const std::string& value) {
    const std::string field = fmt::format("{}.{}", path, name);
    if (!value.empty() || Locate(root_, field).unresolved) return;
    Fault(field, fmt::format("is required for the mechanism {}", connection.mechanism));
  };
  if (connection.mechanism == "PLAIN" || connection.mechanism.starts_with("SCRAM")) {
    need("username", connection.username);
    need("password", connection.password);
  } else if (connection.mechanism == "GSSAPI") {
    need("kerberos_service_name", connection.kerberos_service_name);
    need("kerberos_realm", connection.kerberos_realm);
    need("kerberos_keytab", connection.kerberos_keytab);
    need("kerberos_config", connection.kerberos_config);
  } else if (connection.mechanism == "OAUTHBEARER") {
    const bool has_token = std::any_of(
        connection.properties.begin(), connection.properties.end(), [](const auto& property) {
          return property.first.find("sasl.oauthbearer.") != std::string::npos;
        });
    if (!has_token) {
      Fault(path + ".mechanism",
            "OAUTHBEARER needs to know where its tokens come from: set sasl.oauthbearer.method and "
            "its companions in properties");
    }
  }
  if (connection.mechanism != "NO_AUTH" && !connection.protocol.starts_with("SASL")) {
    Note(path + ".mechanism",
         fmt::format("has no effect with the protocol {}", connection.protocol));
  }
  Certificate(connection.client_cert, connection.client_key, path);
}

void Checker::Certificate(const std::string& cert, const std::string& key,
                          const std::string& path) {
  if (!cert.empty() && !Has(path + ".client_key")) {
    Fault(path + ".client_cert", "needs client_key too");
  }
  if (!key.empty() && !Has(path + ".client_cert")) {
    Fault(path + ".client_key", "needs client_cert too");
  }
}

// What is wrong with a default, as JSON, for a field of that type.
std::string DefaultFault(FieldType type, Node::Kind kind, const std::string& json) {
  using Kind = Node::Kind;
  switch (type) {
    case FieldType::kString:
    case FieldType::kBytes:
      return kind == Kind::kText ? "" : "must be a text, like the field";
    case FieldType::kBool:
      return kind == Kind::kBool ? "" : "must be true or false, like the field";
    case FieldType::kFloat32:
    case FieldType::kFloat64:
      return kind == Kind::kInt || kind == Kind::kFloat ? "" : "must be a number, like the field";
    case FieldType::kArray:
      return kind == Kind::kList ? "" : "must be a list, like the field";
    case FieldType::kMap:
      return kind == Kind::kMap ? "" : "must be a map, like the field";
    default:
      break;
  }
  if (kind != Kind::kInt) return "must be a whole number, like the field";
  const bool is_unsigned = type >= FieldType::kUint8 && type <= FieldType::kUint64;
  return FitsInteger(type, json) ? ""
                                 : fmt::format("is out of the field's range{}",
                                               is_unsigned ? ", which starts at 0" : "");
}

void Checker::Fields(const SourceSpec& source, const std::string& path) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < source.schema_fields.size(); ++i) {
    const SchemaField& field = source.schema_fields[i];
    const std::string field_path = fmt::format("{}[{}]", path, i);
    if (!field.name.empty() && !names.insert(field.name).second) {
      Fault(field_path + ".name", "another field has this name; it must be unique");
    }
    if (!field.default_json || !FieldTypeOf(field.declared_type)) continue;
    const Node& node = Locate(root_, field_path + ".default");
    std::string fault = DefaultFault(field.type, node.kind, *field.default_json);
    if (!fault.empty()) Fault(field_path + ".default", std::move(fault));
  }
}

void Checker::Transforms() {
  std::size_t filters = 0;
  std::size_t stateless = 0;
  std::set<std::string_view> dedups;
  for (std::size_t i = 0; i < document_.transforms.size(); ++i) {
    const TransformDoc& transform = document_.transforms[i];
    const std::string path = fmt::format("transforms[{}]", i);
    const bool of_joined_rows =
        spec_.join && transform.type != "dedup" && transform.source_id == kJoinedRows;
    if (!of_joined_rows) KnownSource(transform.source_id, path + ".source_id");
    if (transform.type == "filter" && ++filters > 1) {
      Fault(path, "a pipeline has at most one filter; join the expressions with `and`");
    } else if (transform.type == "stateless") {
      if (++stateless > 1) Fault(path, "a pipeline has at most one stateless transform");
      Outputs(transform.stateless, path + ".config.transforms");
    } else if (transform.type == "dedup") {
      if (!dedups.insert(transform.source_id).second) {
        Fault(path, "a source has at most one dedup; its key may be a list of fields");
      }
      const SourceSpec* source = FindSource(spec_, transform.source_id);
      if (source != nullptr) DedupKey(transform.dedup, *source, path + ".config.key");
    }
    if (spec_.join && !of_joined_rows && transform.type != "dedup") {
      Fault(path,
            fmt::format("{} in front of a join is not possible; with source_id \"{}\" it takes "
                        "the joined rows",
                        transform.type, kJoinedRows));
    }
    if (of_joined_rows) {
      Expressions(transform, JoinedFields(spec_), path + ".config");
    } else if (const SourceSpec* source = FindSource(spec_, transform.source_id)) {
      Expressions(transform, source->schema_fields, path + ".config");
    }
  }
}

void Checker::DedupKey(const DedupSpec& dedup, const SourceSpec& source, const std::string& path) {
  // The key of an OTLP source may be an expression of several of its fixed fields.
  if (source.type != SourceType::kKafka) return;
  const bool is_list = Locate(root_, path).kind == Node::Kind::kList;
  for (std::size_t i = 0; i < dedup.key.size(); ++i) {
    const std::string& name = dedup.key[i];
    if (name.empty() || FindField(source.schema_fields, name) != nullptr) continue;
    const std::string at = is_list ? fmt::format("{}[{}]", path, i) : path;
    Fault(at, Hidden(at) ? "is not in the source's schema_fields"
                         : fmt::format("\"{}\" is not in the source's schema_fields{}", name,
                                       Hint(name, NamesOf(source.schema_fields))));
  }
}

void Checker::Outputs(const StatelessSpec& stateless, const std::string& path) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < stateless.outputs.size(); ++i) {
    const std::string& name = stateless.outputs[i].output_name;
    if (!name.empty() && !names.insert(name).second) {
      Fault(fmt::format("{}[{}].output_name", path, i),
            "another output has this name; it must be unique");
    }
  }
}

void Checker::Expressions(const TransformDoc& transform, const std::vector<SchemaField>& fields,
                          const std::string& path) {
  // Against fields that are faulty themselves every expression would be, too.
  const bool readable = std::ranges::all_of(fields, [](const SchemaField& field) {
    return !field.name.empty() && FieldTypeOf(field.declared_type).has_value();
  });
  if (fields.empty() || !readable) return;
  if (transform.type == "filter") {
    Expression(path + ".expression", expr::CheckFilter(transform.filter.expression, fields));
  }
  if (transform.type != "stateless") return;
  for (std::size_t i = 0; i < transform.stateless.outputs.size(); ++i) {
    Expression(fmt::format("{}.transforms[{}].expression", path, i),
               expr::CheckStateless(transform.stateless.outputs[i].expression, fields));
  }
}

void Checker::Expression(const std::string& path, const Status& status) {
  if (status.ok() || !Readable(path)) return;
  Fault(path, Hidden(path) ? "is faulty; its text came out of ${...} and is not shown"
                           : status.error().detail);
}

void Checker::Join() {
  if (!spec_.join) {
    if (TwoKafkaSources()) Fault("join", "two sources need a join with enabled: true");
    return;
  }
  if (!TwoKafkaSources()) {
    Fault("join.enabled", "a join needs exactly two Kafka sources");
    return;
  }
  JoinSides();
  JoinOutputs();
}

void Checker::JoinSides() {
  const auto check = [&](const JoinSide& side, const std::string& path) {
    KnownSource(side.source_id, path + ".source_id");
    const SourceSpec* source = FindSource(spec_, side.source_id);
    const std::string key = path + ".key";
    if (source != nullptr && Readable(key) &&
        FindField(source->schema_fields, side.key) == nullptr) {
      Fault(key, Hidden(key)
                     ? "is not in the source's schema_fields"
                     : fmt::format("\"{}\" is not in the source's schema_fields{}", side.key,
                                   Hint(side.key, NamesOf(source->schema_fields))));
    }
    const std::string window = path + ".time_window";
    if (Readable(window) && ParseDuration(Locate(root_, window).text).ok() &&
        side.time_window <= std::chrono::nanoseconds(0)) {
      Fault(window, "must be longer than 0s");
    }
  };
  check(spec_.join->left, "join.left_source");
  check(spec_.join->right, "join.right_source");
  if (!spec_.join->left.source_id.empty() &&
      spec_.join->left.source_id == spec_.join->right.source_id) {
    Fault("join.right_source.source_id", "must be another source than the left one");
  }
}

void Checker::JoinOutputs() {
  const std::vector<JoinOutputField>& outputs = spec_.join->output_fields;
  if (outputs.empty()) Fault("join.output_fields", "must have at least one field");
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string path = fmt::format("join.output_fields[{}]", i);
    KnownSource(outputs[i].source_id, path + ".source_id");
    const SourceSpec* source = FindSource(spec_, outputs[i].source_id);
    const std::string name = path + ".name";
    if (source != nullptr && Readable(name) &&
        FindField(source->schema_fields, outputs[i].name) == nullptr) {
      Fault(name,
            Hidden(name)
                ? "is not in the source's schema_fields"
                : fmt::format("\"{}\" is not in the source's schema_fields{}", outputs[i].name,
                              Hint(outputs[i].name, NamesOf(source->schema_fields))));
    }
    if (!outputs[i].output_name.empty() && !names.insert(outputs[i].output_name).second) {
      Fault(path, "another field has this output_name; it must be unique");
    }
  }
}

void Checker::Sink() {
  const std::string path = "sink.connection_params";
  if (Has(path + ".host") && Has(path + ".hosts")) {
    Fault(path + ".hosts", "give either host or hosts");
  } else if (Has(path) && !Has(path + ".host") && !Has(path + ".hosts")) {
    Fault(path + ".host", "is required: the ClickHouse server");
  }
  Certificate(spec_.sink.connection.client_cert, spec_.sink.connection.client_key, path);
  // Without the fields every entry would be a fault, and none of them the one to repair.
  if (!SinkFields(spec_).empty() && (!spec_.join || TwoKafkaSources())) Mapping();
}

void Checker::Mapping() {
  const std::vector<SchemaField> fields = SinkFields(spec_);
  std::vector<std::string_view> names = NamesOf(fields);
  for (const std::string_view metadata : MetadataNames()) {
    if (!spec_.join || IsOfJoinedRows(metadata)) names.push_back(metadata);
  }
  std::set<std::string_view> columns;
  for (std::size_t i = 0; i < spec_.sink.mapping.size(); ++i) {
    const MappingEntry& entry = spec_.sink.mapping[i];
    const std::string path = fmt::format("sink.mapping[{}]", i);
    if (!entry.column_name.empty() && !columns.insert(entry.column_name).second) {
      Fault(path + ".column_name", "another entry has this column; a column has one source");
    }
    const std::string name = path + ".name";
    if (!Readable(name) || std::find(names.begin(), names.end(), entry.name) != names.end()) {
      continue;
    }
    const std::string_view where = spec_.stateless ? "the outputs of the stateless transform"
                                   : spec_.join    ? "the join's output_fields"
                                                   : "the source's schema_fields";
    Fault(name, Hidden(name) ? fmt::format("is not in {}", where)
                             : fmt::format("\"{}\" is not in {}{}", entry.name, where,
                                           Hint(entry.name, names)));
  }
}

void Checker::SourceResources() {
  for (std::size_t i = 0; i < spec_.resources.sources.size(); ++i) {
    const ComponentResources& component = spec_.resources.sources[i];
    const std::string path = fmt::format("resources.sources[{}]", i);
    Component(component, path);
    KnownSource(component.source_id, path + ".source_id");
    const SourceSpec* source = FindSource(spec_, component.source_id);
    if (source != nullptr && source->type != SourceType::kKafka) {
      Fault(path, "an OTLP source has no ingestor of its own; leave this out");
    }
  }
  for (std::size_t i = 0; i < spec_.resources.transform.size(); ++i) {
    const ComponentResources& component = spec_.resources.transform[i];
    const std::string path = fmt::format("resources.transform[{}]", i);
    Component(component, path);
    KnownSource(component.source_id, path + ".source_id");
    const bool has_dedup =
        std::any_of(spec_.dedups.begin(), spec_.dedups.end(),
                    [&](const DedupSpec& dedup) { return dedup.source_id == component.source_id; });
    if (Has(path + ".storage") && !has_dedup) {
      Fault(path + ".storage", "only a source with a dedup transform needs storage; leave it out");
    }
  }
}

void Checker::Resources() {
  const ResourcesSpec& resources = spec_.resources;
  SourceResources();
  Component(resources.join, "resources.join");
  Component(resources.sink, "resources.sink");
  if (Has("resources.join") && !spec_.join) {
    Fault("resources.join", "this pipeline has no join; leave it out");
  }
  Certificate(resources.nats.client_cert, resources.nats.client_key, "resources.nats");
  // A message that is being written and one that is kept as the checkpoint.
  const std::uint64_t least = 2 * resources.batch_max_bytes;
  if (resources.shards > 0 && resources.nats.max_bytes / resources.shards < least) {
    Fault("resources.nats.stream.maxBytes",
          fmt::format("{} divided between {} shards is less than two messages of {}; at least {} "
                      "is needed",
                      FormatSize(resources.nats.max_bytes), resources.shards,
                      FormatSize(resources.batch_max_bytes), FormatSize(least * resources.shards)));
  }
}

void Checker::Component(const ComponentResources& component, const std::string& path) {
  for (const auto& [name, request] : component.requests) {
    const auto limit = component.limits.find(name);
    if (limit == component.limits.end()) continue;
    if (ParseQuantity(request).value_or(0) > ParseQuantity(limit->second).value_or(0)) {
      Fault(fmt::format("{}.requests.{}", path, name), "must not be above the limit");
    }
  }
}

}  // namespace

void CheckDocument(const PipelineDoc& document, const PipelineSpec& spec, const Node& root,
                   Findings& findings) {
  Checker(document, spec, root, findings).Run();
}

}  // namespace penstock::config
