#include <charconv>

#include "base/text.h"
#include "config/document.h"
#include "config/field_types.h"
#include "config/nearest.h"
#include "config/time_text.h"

namespace penstock::config {

namespace {

void ReadSourceType(const Site& site, SourceSpec& out) {
  std::string text;
  if (!ReadText(site, text)) return;
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (text == "kafka") {
    out.type = SourceType::kKafka;
  } else if (text == "otlp.logs") {
    out.type = SourceType::kOtlpLogs;
  } else if (text == "otlp.traces") {
    out.type = SourceType::kOtlpTraces;
  } else if (text == "otlp.metrics") {
    out.type = SourceType::kOtlpMetrics;
  } else {
    site.Fault(fmt::format("must be kafka (or otlp.logs, otlp.traces, otlp.metrics), is {}",
                           site.Shown()));
  }
}

void ReadFieldType(const Site& site, SchemaField& out) {
  if (!ReadText(site, out.declared_type)) return;
  if (const std::optional<FieldType> type = FieldTypeOf(out.declared_type)) {
    out.type = *type;
    return;
  }
  const std::vector<std::string_view> names = FieldTypeNames();
  site.Fault(fmt::format("must be one of {}, is {}{}", fmt::join(names, ", "), site.Shown(),
                         site.node.from_reference ? "" : Hint(out.declared_type, names)));
}

void ReadDefault(const Site& site, SchemaField& out) {
  if (!site.node.unresolved) out.default_json = ToJson(site.node);
}

void ReadInitialOffset(const Site& site, SourceSpec& out) {
  constexpr std::string_view kWanted =
      "earliest, latest, or a time such as \"2024-03-15T10:00:00Z\" or milliseconds since 1970";
  if (site.node.unresolved) return;
  if (site.node.kind != Node::Kind::kText && site.node.kind != Node::Kind::kInt) {
    return site.WrongKind(kWanted);
  }
  const std::string& text = site.node.text;
  InitialOffset& offset = out.initial_offset;
  if (text.empty() || text == "earliest") {
    offset.kind = InitialOffset::Kind::kEarliest;
  } else if (text == "latest") {
    offset.kind = InitialOffset::Kind::kLatest;
  } else if (const std::optional<std::int64_t> time = ParseTimeMs(text)) {
    offset = {InitialOffset::Kind::kTimestamp, *time};
  } else {
    site.WrongKind(kWanted);
  }
}

std::string TopicFault(const std::string& topic) {
  constexpr std::size_t kLongest = 249;  // Kafka's own rule.
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (topic.size() <= kLongest && topic.find_first_not_of(kAllowed) == std::string::npos) return "";
  return "a topic's name has up to 249 letters, digits, dots, underscores and hyphens";
}

const Schema<KafkaConnection>& KafkaSchema() {
  using K = KafkaConnection;
  static const Schema<K> schema = {
      Texts("brokers", &K::brokers).Required().Doc("Addresses to start from, `host:port` each."),
      Choice("protocol", &K::protocol, {"PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"})
          .Required()
          .Doc("How to connect: with or without TLS, with or without SASL."),
      Choice("mechanism", &K::mechanism,
             {"NO_AUTH", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"})
          .Required()
          .Doc("How to log in. With `NO_AUTH`, `SASL_PLAINTEXT` and `SASL_SSL` are taken as "
               "`PLAINTEXT` and `SSL`. `OAUTHBEARER`+ takes its token settings from `properties`."),
      Text("username", &K::username).Doc("For `PLAIN` and `SCRAM-…`; the principal of `GSSAPI`."),
      Text("password", &K::password).Secret().Doc("For `PLAIN` and `SCRAM-…`."),
      Custom<K>("skip_auth", "true or false",
                [](const Site& site, K&) {
                  bool ignored = false;
                  if (ReadBool(site, ignored)) site.Note("is ignored; `mechanism` decides");
                })
          .Doc("Accepted and ignored, as in the reference system."),
      Pem("root_ca", &K::root_ca)
          .Doc("The authority that signed the brokers' certificates; without it the system's "
               "trust store serves."),
      Pem("client_cert", &K::client_cert).Doc("Certificate for mutual TLS, with `client_key`."),
      Pem("client_key", &K::client_key).Secret().Doc("Key of `client_cert`."),
      Bool("skip_tls_verification", &K::skip_tls_verification)
          .Doc("Accept any certificate. For tests."),
      Text("kerberos_service_name", &K::kerberos_service_name).Doc("For `GSSAPI`."),
      Text("kerberos_realm", &K::kerberos_realm).Doc("For `GSSAPI`."),
      Text("kerberos_keytab", &K::kerberos_keytab).Secret().Doc("For `GSSAPI`; base64."),
      Text("kerberos_config", &K::kerberos_config).Doc("For `GSSAPI`; the text of krb5.conf."),
      TextMap("properties", &K::properties)
          .Extension()
          .Secret()
          .Doc("Any property of librdkafka by its own name; librdkafka checks them at start."),
  };
  return schema;
}

const Schema<SchemaField>& FieldSchema() {
  using F = SchemaField;
  static const Schema<F> schema = {
      Text("name", &F::name)
          .Required()
          .Doc("Member of the record. A dotted name is looked for as it is first, then as a path "
               "into nested objects."),
      Custom<F>("type", fmt::format("`{}`", fmt::join(FieldTypeNames(), "`, `")), ReadFieldType)
          .Required()
          .Doc("What the record's value must be; anything else is a dead letter."),
      Bool("optional", &F::optional)
          .Extension()
          .Doc("A record without the field, or with null, gives null instead of a dead letter."),
      Custom<F>("default", "value of the type", ReadDefault)
          .Extension()
          .Doc("Fills in when the field is missing or null."),
  };
  return schema;
}

const Schema<SchemaRegistrySpec>& RegistrySchema() {
  using R = SchemaRegistrySpec;
  static const Schema<R> schema = {
      Text("url", &R::url).Doc("Address of the registry."),
      Text("api_key", &R::api_key).Secret().Doc("User of the registry."),
      Text("api_secret", &R::api_secret).Secret().Doc("Password of the registry."),
  };
  return schema;
}

}  // namespace

const Schema<SourceSpec>& SourceSchema() {
  using S = SourceSpec;
  static const Schema<S> schema = {
      Custom<S>("type", "`kafka`, `otlp.logs`, `otlp.traces`, `otlp.metrics`", ReadSourceType)
          .Required()
          .Doc("Where the records come from."),
      Text("source_id", &S::source_id)
          .Required()
          .Doc("Names the source within the pipeline; unique."),
      Text("topic", &S::topic)
          .NotEmpty()
          .Check([](const S& source) { return TopicFault(source.topic); })
          .Doc("The topic to read. Required for `kafka`; an OTLP source has none."),
      Object("connection_params", &S::connection, KafkaSchema())
          .Doc("How to reach the brokers. Required for `kafka`; an OTLP source has none."),
      List("schema_fields", &S::schema_fields, FieldSchema())
          .Doc("The fields that every record has. Required for `kafka`; those of an OTLP source "
               "are fixed."),
      Custom<S>("consumer_group_initial_offset", "`earliest`, `latest`, or a time+",
                ReadInitialOffset)
          .Default("earliest")
          .Doc("Where a partition starts that the consumer group has no offset of. A time is "
               "RFC 3339 or milliseconds since 1970."),
      Text("consumer_group", &S::consumer_group)
          .Extension()
          .Default("penstock-<pipeline_id>")
          .Doc("Kafka's consumer group."),
      OptionalObject("schema_registry", &S::schema_registry, RegistrySchema())
          .Doc("Accepted. Records with a registry's frame (a zero byte and four bytes of id) are "
               "read with `schema_fields`; the registry is not asked."),
      Text("schema_version", &S::schema_version).Doc("Accepted; goes with `schema_registry`."),
  };
  return schema;
}

}  // namespace penstock::config
