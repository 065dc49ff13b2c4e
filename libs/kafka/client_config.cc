#include "kafka/client_config.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace penstock::kafka {
namespace {

struct Setting {
  const char* name;
  const char* value;
  /// Delivery rests on it: `properties` may not change it.
  bool fixed;
};

/// README.md has the measurements behind the fetch settings.
constexpr auto kConsumerSettings = std::to_array<Setting>({
    {"partition.assignment.strategy", "cooperative-sticky", true},
    {"enable.auto.commit", "false", true},
    {"enable.auto.offset.store", "false", true},
    {"enable.partition.eof", "true", true},
    {"auto.offset.reset", "error", true},
    // A member that died is replaced within 15 s. A rebalance is heard of with a heartbeat, and a
    // partition that moves takes two rebalances.
    {"session.timeout.ms", "10000", false},
    {"heartbeat.interval.ms", "1000", false},
    // How long a rebalance waits for a member that finishes what it has begun.
    {"max.poll.interval.ms", "60000", false},
    // Wait for 128 KiB, but not longer than 50 ms: at 50,000 records a second a fetch is full
    // within 10 ms, and at ten a second a record waits no longer than it may.
    {"fetch.min.bytes", "131072", false},
    {"fetch.wait.max.ms", "50", false},
    // Memory: what is fetched and not yet polled, over all partitions, plus one answer of each
    // broker (compressed, hence so small).
    {"queued.max.messages.kbytes", "32768", false},
    {"fetch.max.bytes", "8388608", false},
    {"check.crcs", "false", false},
});

constexpr auto kClientSettings = std::to_array<Setting>({
    {"socket.keepalive.enable", "true", false},
    {"socket.nagle.disable", "true", false},
    {"reconnect.backoff.max.ms", "5000", false},
    // New partitions, and a topic that was made after we asked for it, are seen that soon.
    {"topic.metadata.refresh.interval.ms", "30000", false},
    {"statistics.interval.ms", "0", false},
    // Log lines come through the poll thread, as all else does.
    {"log.queue", "true", true},
    {"log.connection.close", "false", false},
});

Error Bad(std::string detail) {
  return {Remedy::kStop, "kafka_config", std::move(detail)};
}

Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value,
           std::string_view origin) {
  std::array<char, 512> why{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) ==
      RD_KAFKA_CONF_OK) {
    return Done{};
  }
  return Bad(fmt::format("{} (librdkafka property '{}'): {}", origin, name, why.data()));
}

template <typename Settings>
Status SetAll(rd_kafka_conf_t* conf, const Settings& settings) {
  for (const Setting& setting : settings) {
    PENSTOCK_RETURN_IF_ERROR(Set(conf, setting.name, setting.value, "default"));
  }
  return Done{};
}

bool IsFixed(std::string_view name) {
  const auto fixes = [name](const Setting& setting) {
    return setting.fixed && name == setting.name;
  };
  return name == "group.id" || name == "group.instance.id" || name == "bootstrap.servers" ||
         name == "metadata.broker.list" ||
         std::any_of(kConsumerSettings.begin(), kConsumerSettings.end(), fixes) ||
         std::any_of(kClientSettings.begin(), kClientSettings.end(), fixes);
}

Status SetTls(rd_kafka_conf_t* conf, const KafkaConnection& connection) {
  const auto pem = [conf](const char* name, const std::string& text, std::string_view field) {
    return text.empty() ? Status(Done{}) : Set(conf, name, text, field);
  };
  PENSTOCK_RETURN_IF_ERROR(pem("ssl.ca.pem", connection.root_ca, "connection_params.root_ca"));
  PENSTOCK_RETURN_IF_ERROR(
      pem("ssl.certificate.pem", connection.client_cert, "connection_params.client_cert"));
  PENSTOCK_RETURN_IF_ERROR(
      pem("ssl.key.pem", connection.client_key, "connection_params.client_key"));
  if (!connection.skip_tls_verification) return Done{};
  return Set(conf, "enable.ssl.certificate.verification", "false",
             "connection_params.skip_tls_verification");
}

/// A path stays one; text, or base64 of it, becomes a file.
Result<std::string> FileOf(PrivateFiles& files, std::string_view name, const std::string& value,
                           bool is_binary) {
  if (value.starts_with('/')) return value;
  if (is_binary) {
    if (Result<std::string> bytes = Base64Decode(value); bytes.ok()) {
      return files.Add(name, bytes.value());
    }
  }
  return files.Add(name, value);
}

Status SetKerberos(ClientConfig& config, const KafkaConnection& connection) {
  config.files = std::make_unique<PrivateFiles>();
  rd_kafka_conf_t* conf = config.handle.get();
  if (!connection.kerberos_service_name.empty()) {
    PENSTOCK_RETURN_IF_ERROR(Set(conf, "sasl.kerberos.service.name",
                                 connection.kerberos_service_name,
                                 "connection_params.kerberos_service_name"));
  }
  if (!connection.username.empty()) {
    const std::string& realm = connection.kerberos_realm;
    PENSTOCK_RETURN_IF_ERROR(
        Set(conf, "sasl.kerberos.principal",
            realm.empty() ? connection.username : connection.username + "@" + realm,
            "connection_params.username"));
  }
  if (!connection.kerberos_keytab.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(
        const std::string path,
        FileOf(*config.files, "keytab", connection.kerberos_keytab, /*is_binary=*/true));
    PENSTOCK_RETURN_IF_ERROR(
        Set(conf, "sasl.kerberos.keytab", path, "connection_params.kerberos_keytab"));
  }
  if (!connection.kerberos_config.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(
        const std::string path,
        FileOf(*config.files, "krb5.conf", connection.kerberos_config, /*is_binary=*/false));
    // The Kerberos library, and the kinit that librdkafka starts, know no other way.
    setenv("KRB5_CONFIG", path.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): at start only.
  }
  return Done{};
}

/// The token itself goes to the client, not into its settings.
Status CheckBearer(const KafkaConnection& connection) {
  if (UsesGivenToken(connection)) return Done{};
  const bool has_method = std::any_of(
      connection.properties.begin(), connection.properties.end(),
      [](const auto& property) { return property.first.starts_with("sasl.oauthbearer."); });
  if (has_method) return Done{};
  return Bad(
      "connection_params.password: OAUTHBEARER needs a token here, or librdkafka's "
      "sasl.oauthbearer.… in connection_params.properties");
}

Status SetSasl(ClientConfig& config, const KafkaConnection& connection) {
  const bool sasl = connection.protocol.starts_with("SASL_");
  if (!sasl) return Done{};
  if (connection.mechanism.empty() || connection.mechanism == "NO_AUTH") {
    return Bad(
        fmt::format("connection_params.mechanism: protocol {} needs one of PLAIN, "
                    "SCRAM-SHA-256, SCRAM-SHA-512, GSSAPI, OAUTHBEARER",
                    connection.protocol));
  }
  rd_kafka_conf_t* conf = config.handle.get();
  PENSTOCK_RETURN_IF_ERROR(
      Set(conf, "sasl.mechanism", connection.mechanism, "connection_params.mechanism"));
  if (connection.mechanism == "GSSAPI") return SetKerberos(config, connection);
  if (connection.mechanism == "OAUTHBEARER") return CheckBearer(connection);
  PENSTOCK_RETURN_IF_ERROR(
      Set(conf, "sasl.username", connection.username, "connection_params.username"));
  return Set(conf, "sasl.password", connection.password, "connection_params.password");
}

Status SetProperties(rd_kafka_conf_t* conf, const KafkaConnection& connection) {
  for (const auto& [name, value] : connection.properties) {
    const std::string origin = fmt::format("connection_params.properties.{}", name);
    if (IsFixed(name)) {
      return Bad(
          fmt::format("{}: this property is not free, delivery rests on it; remove it", origin));
    }
    PENSTOCK_RETURN_IF_ERROR(Set(conf, name, value, origin));
  }
  return Done{};
}

std::string Joined(const std::vector<std::string>& brokers) {
  std::string all;
  for (const std::string& broker : brokers) {
    if (!all.empty()) all += ',';
    all += broker;
  }
  return all;
}

}  // namespace

bool UsesGivenToken(const KafkaConnection& connection) {
  return connection.protocol.starts_with("SASL_") && connection.mechanism == "OAUTHBEARER" &&
         !connection.password.empty();
}

Result<ClientConfig> MakeConfig(const KafkaConnection& connection, const std::string& group,
                                const std::string& client_id) {
  ClientConfig config;
  config.handle.reset(rd_kafka_conf_new());
  rd_kafka_conf_t* conf = config.handle.get();
  if (connection.brokers.empty()) return Bad("connection_params.brokers: no broker is given");
  PENSTOCK_RETURN_IF_ERROR(SetAll(conf, kClientSettings));
  PENSTOCK_RETURN_IF_ERROR(
      Set(conf, "bootstrap.servers", Joined(connection.brokers), "connection_params.brokers"));
  PENSTOCK_RETURN_IF_ERROR(
      Set(conf, "security.protocol", connection.protocol, "connection_params.protocol"));
  if (!client_id.empty()) PENSTOCK_RETURN_IF_ERROR(Set(conf, "client.id", client_id, "client id"));
  if (!group.empty()) {
    PENSTOCK_RETURN_IF_ERROR(SetAll(conf, kConsumerSettings));
    PENSTOCK_RETURN_IF_ERROR(Set(conf, "group.id", group, "consumer_group"));
  }
  PENSTOCK_RETURN_IF_ERROR(SetTls(conf, connection));
  PENSTOCK_RETURN_IF_ERROR(SetSasl(config, connection));
  PENSTOCK_RETURN_IF_ERROR(SetProperties(conf, connection));
  return config;
}

}  // namespace penstock::kafka
