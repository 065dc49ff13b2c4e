#pragma once

#include <optional>
#include <string>

#include "config/pipeline.h"

/// Documents that the tests of config share.
namespace penstock::config {

/// The smallest useful pipeline.
inline constexpr const char* kMinimal = R"(pipeline_id: orders
sources:
  - type: kafka
    source_id: orders
    topic: shop.orders
    connection_params:
      brokers: [kafka:9092]
      protocol: PLAINTEXT
      mechanism: NO_AUTH
    schema_fields:
      - {name: id, type: string}
      - {name: amount, type: float}
      - {name: cents, type: int}
      - {name: tags, type: array}
sink:
  type: clickhouse
  connection_params:
    host: clickhouse
    database: shop
    username: loader
  table: orders
)";

/// Every key of the document at least once, and no fault. Two sources, so with a join; a filter and
/// a stateless transform do not go together with that: they are in kEveryTransform.
inline constexpr const char* kEverything = R"(version: v3
pipeline_id: everything
name: Everything
sources:
  - type: kafka
    source_id: orders
    topic: shop.orders
    connection_params: &connection
      brokers: [kafka-0:9092, kafka-1:9092]
      protocol: SASL_SSL
      mechanism: SCRAM-SHA-512
      username: etl
      password: ${KAFKA_PASSWORD}
      skip_auth: false
      root_ca: ${file:/ca.pem}
      client_cert: ${file:/cert.pem}
      client_key: ${file:/key.pem}
      skip_tls_verification: false
      kerberos_service_name: kafka
      kerberos_realm: CORP
      kerberos_keytab: BQIAAABH
      kerberos_config: "[libdefaults]"
      properties:
        socket.timeout.ms: 10000
    schema_fields:
      - {name: id, type: string}
      - {name: amount, type: float64, optional: true}
      - {name: count, type: uint8, default: 1}
    consumer_group_initial_offset: "2024-03-15T10:00:00Z"
    consumer_group: orders-loader
    schema_registry:
      url: https://registry:8081
      api_key: key
      api_secret: ${KAFKA_PASSWORD}
    schema_version: "7"
  - type: kafka
    source_id: refunds
    topic: shop.refunds
    connection_params: *connection
    schema_fields:
      - {name: order_id, type: string}
      - {name: reason, type: string}
transforms:
  - type: dedup
    source_id: orders
    config:
      key: id
      time_window: 1h
join:
  enabled: true
  type: temporal
  kind: left
  commit: window
  max_skew: 10m
  left_source: {source_id: orders, key: id, time_window: 1h}
  right_source: {source_id: refunds, key: order_id, time_window: 2h}
  output_fields:
    - {source_id: orders, name: id, output_name: id}
    - {source_id: refunds, name: reason, output_name: why}
sink:
  type: clickhouse
  connection_params:
    hosts: [clickhouse-0, "clickhouse-1:8443"]
    port: "9440"
    http_port: "8443"
    database: shop
    username: loader
    password: ${CLICKHOUSE_PASSWORD}
    secure: true
    skip_certificate_verification: false
    root_ca: ${file:/ca.pem}
    client_cert: ${file:/cert.pem}
    client_key: ${file:/key.pem}
    connect_timeout: 5s
    insert_timeout: 2m
  table: orders
  max_batch_size: 50000
  max_batch_bytes: 32MiB
  null_as_default: true
  max_delay_time: 500ms
  mapping:
    - {name: id, column_name: id, column_type: UUID}
    - {name: why, column_name: reason, column_type: LowCardinality(Nullable(String))}
  settings:
    max_threads: 2
  errors:
    41: dead_letter
metadata:
  tags: [team:checkout]
resources:
  shards: 6
  nats:
    stream:
      maxAge: 48h
      maxBytes: 6GiB
      maxMsgs: 1000000
    replicas: 3
    storage: memory
    url: nats://nats:4222
    username: penstock
    password: ${NATS_PASSWORD}
    token: ${NATS_PASSWORD}
    credentials_file: /etc/nats.creds
    root_ca: ${file:/ca.pem}
    client_cert: ${file:/cert.pem}
    client_key: ${file:/key.pem}
    skip_tls_verification: false
  batch:
    max_bytes: 256KiB
    max_delay: 20ms
  sources:
    - source_id: orders
      replicas: 2
      requests: {cpu: 500m, memory: 256Mi}
      limits: {cpu: "2", memory: 1Gi}
  transform:
    - source_id: orders
      replicas: 1
      requests: {cpu: 500m, memory: 256Mi}
      limits: {cpu: "2", memory: 1Gi}
      storage: {size: 20Gi}
  join:
    replicas: 2
    requests: {cpu: 500m, memory: 256Mi}
    limits: {cpu: "2", memory: 1Gi}
    storage: {size: 10Gi}
  sink:
    replicas: 2
    requests: {cpu: 500m, memory: 256Mi}
    limits: {cpu: "2", memory: 1Gi}
    storage: {size: 1Gi}
)";

/// The keys that kEverything cannot have.
inline constexpr const char* kEveryTransform = R"(pipeline_id: transforms
sources:
  - type: kafka
    source_id: orders
    topic: shop.orders
    connection_params: {brokers: [kafka:9092], protocol: PLAINTEXT, mechanism: NO_AUTH}
    schema_fields:
      - {name: id, type: string}
      - {name: amount, type: float}
transforms:
  - type: stateless
    source_id: orders
    config:
      transforms:
        - {expression: upper(id), output_name: ID, output_type: string}
  - type: filter
    source_id: orders
    config: {expression: amount > 1}
  - type: dedup
    source_id: orders
    config: {key: [id, amount], time_window: 7d}
sink:
  type: clickhouse
  connection_params: {host: clickhouse, database: shop, username: loader}
  table: orders
)";

/// The text that every secret of kEverything has.
inline constexpr const char* kSecret = "hunter2-do-not-print";

/// An environment and files in which kEverything resolves, every one with kSecret in it.
inline ParseOptions SecretOptions() {
  ParseOptions options;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name.ends_with("_PASSWORD")) return kSecret;
    return std::nullopt;
  };
  options.read_file = [](const std::string& path) -> Result<std::string> {
    if (!path.ends_with(".pem")) return Error{Remedy::kStop, "file", "cannot be read"};
    return std::string("-----BEGIN X-----\n") + kSecret + "\n-----END X-----\n";
  };
  return options;
}

/// `text` with `from`, which must occur, replaced by `to` where it occurs first.
inline std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  PENSTOCK_CHECK(at != std::string::npos, "the text to replace is there");
  return text.replace(at, from.size(), to);
}

}  // namespace penstock::config
