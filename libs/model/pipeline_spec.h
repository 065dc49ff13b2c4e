#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock {

/// A pipeline document after parsing, defaults and validation: what the program runs. Plain
/// data; libs/config fills it, docs/pipeline-reference.md explains each field.

enum class SourceType : std::uint8_t { kKafka, kOtlpLogs, kOtlpTraces, kOtlpMetrics };

/// The declared type of a field: the kind of JSON value that it accepts, and its range.
enum class FieldType : std::uint8_t {
  kString,
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat32,
  kFloat64,
  kBytes,
  kArray,
  kMap,
};

struct SchemaField {
  std::string name;
  FieldType type = FieldType::kString;
  std::string declared_type;  ///< As written: "int", "number", "object", …
  bool optional = false;
  /// The JSON text of `default`; fills in for a missing or null value.
  std::optional<std::string> default_json;
};

struct KafkaConnection {
  std::vector<std::string> brokers;
  std::string protocol = "PLAINTEXT";  ///< PLAINTEXT, SASL_PLAINTEXT, SSL, SASL_SSL.
  std::string mechanism =
      "NO_AUTH";  ///< NO_AUTH, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, GSSAPI, OAUTHBEARER.
  std::string username;
  std::string password;
  std::string root_ca;  ///< PEM text, as are the two below; empty: the system's trust store.
  std::string client_cert;
  std::string client_key;
  bool skip_tls_verification = false;
  std::string kerberos_service_name;
  std::string kerberos_realm;
  std::string kerberos_keytab;
  std::string kerberos_config;
  std::map<std::string, std::string> properties;  ///< librdkafka's own names.
};

/// Where a partition without a committed offset starts.
struct InitialOffset {
  enum class Kind : std::uint8_t { kEarliest, kLatest, kTimestamp };
  Kind kind = Kind::kEarliest;
  std::int64_t timestamp_ms = 0;
};

struct SchemaRegistrySpec {
  std::string url;
  std::string api_key;
  std::string api_secret;
};

struct SourceSpec {
  SourceType type = SourceType::kKafka;
  std::string source_id;
  std::string topic;
  KafkaConnection connection;
  std::vector<SchemaField> schema_fields;
  InitialOffset initial_offset;
  std::string consumer_group;  ///< Never empty after parsing: derived from the pipeline id.
  std::optional<SchemaRegistrySpec> schema_registry;
  std::string schema_version;
};

struct FilterSpec {
  std::string source_id;
  std::string expression;
};
struct DedupSpec {
  std::string source_id;
  std::vector<std::string> key;
  std::chrono::nanoseconds time_window{};
};
struct StatelessOutput {
  std::string expression;
  std::string output_name;
  std::string output_type;
};
struct StatelessSpec {
  std::string source_id;
  std::vector<StatelessOutput> outputs;
};

struct JoinSide {
  std::string source_id;
  std::string key;
  std::chrono::nanoseconds time_window{};
};
struct JoinOutputField {
  std::string source_id;
  std::string name;
  std::string output_name;
};
struct JoinSpec {
  std::string type = "temporal";
  std::string kind = "inner";  ///< inner, left.
  JoinSide left;
  JoinSide right;
  std::vector<JoinOutputField> output_fields;
  /// Kafka's commit waits until the windows of what is below have passed, not only until it is
  /// taken in: then not even the loss of JetStream and of all disks loses a row.
  bool commit_after_window = false;
  std::optional<std::chrono::nanoseconds> max_skew;  ///< The side that is ahead by more waits.
};

struct ClickHouseConnection {
  std::vector<std::string> hosts;  ///< At least one; "host" or "host:http_port".
  std::uint16_t http_port = 8123;
  std::string database;
  std::string username;
  std::string password;
  bool secure = false;
  bool skip_certificate_verification = false;
  std::string root_ca;
  std::string client_cert;
  std::string client_key;
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(5);
  std::chrono::nanoseconds insert_timeout = std::chrono::seconds(120);
};

struct MappingEntry {
  std::string
      name;  ///< The field, or _topic _partition _offset _timestamp _key _headers _ingest_time.
  std::string column_name;
  std::string column_type;  ///< Empty: the table's.
};

struct SinkSpec {
  ClickHouseConnection connection;
  std::string table;
  std::uint64_t max_batch_rows = 100'000;
  std::uint64_t max_batch_bytes = 64ULL << 20;
  std::chrono::nanoseconds max_delay = std::chrono::seconds(1);
  std::vector<MappingEntry> mapping;  ///< Empty: columns are matched by name.
  bool null_as_default = false;  ///< Null for a column without null: its default, no dead letter.
  std::map<std::string, std::string> settings;
  std::map<int, std::string> errors;  ///< Code → retry, dead_letter, pause.
};

/// Kubernetes quantities as text, for the chart; `replicas` are starting values.
struct ComponentResources {
  std::string source_id;  ///< Of sources[] and transform[]; else empty.
  std::int64_t replicas = 1;
  std::map<std::string, std::string> requests;
  std::map<std::string, std::string> limits;
  std::string storage_size;
};

struct NatsSpec {
  std::vector<std::string> urls;  ///< Empty: given on the command line.
  std::string username;
  std::string password;
  std::string token;
  std::string credentials_file;
  std::string root_ca;
  std::string client_cert;
  std::string client_key;
  bool skip_tls_verification = false;
  std::uint32_t replicas = 1;
  bool memory_storage = false;
  std::chrono::nanoseconds max_age = std::chrono::hours(24);  ///< An alarm, never a deletion.
  std::uint64_t max_bytes = 4ULL << 30;                       ///< For each hop, over all shards.
  std::uint64_t max_messages_rows = 0;  ///< `maxMsgs`: bounds rows; 0: not bounded.
};

struct ResourcesSpec {
  std::uint32_t shards = 12;
  NatsSpec nats;
  std::uint64_t batch_max_bytes = 512ULL << 10;  ///< Compressed.
  std::chrono::nanoseconds batch_max_delay = std::chrono::milliseconds(50);
  std::vector<ComponentResources> sources;
  std::vector<ComponentResources> transform;
  ComponentResources join;
  ComponentResources sink;
};

struct PipelineSpec {
  std::string pipeline_id;
  std::string name;
  std::vector<SourceSpec> sources;
  std::optional<FilterSpec> filter;
  std::vector<DedupSpec> dedups;  ///< At most one a source.
  std::optional<StatelessSpec> stateless;
  std::optional<JoinSpec> join;
  SinkSpec sink;
  std::vector<std::string> tags;
  ResourcesSpec resources;
};

}  // namespace penstock
