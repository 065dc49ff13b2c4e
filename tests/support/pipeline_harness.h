#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "jetstream/connection.h"
#include "model/shard_record.h"
#include "support/kafka_admin.h"
#include "support/servers.h"
#include "support/service_process.h"

namespace penstock::testing {

/// A field of the records and the column that it goes to.
struct PipelineField {
  std::string name;
  std::string type;  ///< As schema_fields has it; empty: one of Kafka's metadata, as `_offset`.
  std::string column;
  std::string column_type;
};

/// One pipeline on real servers: its document, its table, an ingestor, a sink and (where the
/// document has transforms) a transform as child processes, and what a test wants to know about
/// them. Takes its streams, bucket and table with it. One thread; throws std::runtime_error when a
/// server does not do what was asked.
class PipelineHarness {
 public:
  /// The document has few shards and short delays; change `document` before the first start.
  PipelineHarness(const Servers& servers, std::string topic, std::vector<PipelineField> fields);
  ~PipelineHarness();
  PipelineHarness(const PipelineHarness&) = delete;
  PipelineHarness& operator=(const PipelineHarness&) = delete;

  nlohmann::json document;
  /// Another NATS than that of `servers`, whose streams go with it; before the first start.
  void UseNats(const std::string& url) { UseNats(std::vector{url}); }
  void UseNats(std::vector<std::string> urls);

  /// A MergeTree with a deduplication window and the columns of the fields.
  void CreateTable();
  void CreateTable(std::string_view columns, std::string_view settings = "");
  /// Quoted, with its database.
  std::string table() const;
  std::uint64_t Rows() const { return clickhouse_.Number("SELECT count() FROM " + table()); }
  const ClickHouse& clickhouse() const { return clickhouse_; }

  /// All services; each waits until it serves its pages.
  void Start();
  void StartIngestor() { ingestor_.Start(Arguments()); }
  void StartTransform();
  void StartSink() { sink_.Start(Arguments()); }
  bool transforms() const { return document.contains("transforms"); }
  ServiceProcess& ingestor() { return ingestor_; }
  ServiceProcess& transform() { return transform_; }
  ServiceProcess& sink() { return sink_; }
  /// Where the transform keeps the dedup stores of its shards.
  std::filesystem::path StateFolder() const;
  const std::filesystem::path& folder() const { return folder_; }
  /// One more ingestor of the same group, under a name of its own.
  ServiceProcess NewIngestor(std::string name) const {
    return NewService("penstock-ingestor", std::move(name));
  }
  /// One of several sinks, or transforms, that share the shards by leases: to be started with
  /// SharingArguments.
  ServiceProcess NewSink(std::string name) const {
    return NewService("penstock-sink", std::move(name));
  }
  ServiceProcess NewTransform(std::string name) const {
    return NewService("penstock-transform", std::move(name));
  }
  enum class LeaseTimes : std::uint8_t {
    kShort,  ///< A replica is gone after a second of silence.
    kUsual,
  };
  /// As Arguments, for the replica of this name.
  std::vector<std::string> SharingArguments(const ServiceProcess& replica,
                                            LeaseTimes times = LeaseTimes::kShort) const;
  /// The command line of a service of this pipeline, but for what ServiceProcess adds. Writes the
  /// document.
  std::vector<std::string> Arguments() const;

  void WaitForRows(std::uint64_t rows, Clock::Duration patience = std::chrono::seconds(60)) const;
  /// Waits until Kafka's committed offsets are at the end of every partition.
  void WaitForCommits(KafkaAdmin& kafka, Clock::Duration patience = std::chrono::seconds(60)) const;
  /// The sum of the committed offsets: of a topic without gaps, how many records they cover.
  std::int64_t Committed(KafkaAdmin& kafka) const;

  /// The sinks' records, by shard.
  std::map<std::uint32_t, ShardRecord> ShardRecords();
  /// As nobody does: writes a sink's record, whatever is there.
  void PutShardRecord(std::uint32_t shard, const ShardRecord& record);
  /// What they say became of the topic's records: by outcome, over all shards and partitions.
  Account TotalAccount();
  /// Every line of the dead letters' stream, in order.
  std::vector<nlohmann::json> DeadLetters();
  io::Streams& streams() { return Nats().streams(); }
  /// All that JetStream has of the pipeline: streams, dead letters, the bucket.
  void RemoveStreams();

  const std::string& id() const { return id_; }
  const std::string& topic() const { return topic_; }
  std::string group() const { return "penstock-" + id_; }
  std::uint32_t shards() const { return document["resources"]["shards"]; }
  /// For people, after a failure: what the services said last.
  void PrintLogs() const;

 protected:
  ServiceProcess NewService(std::string_view program, std::string name) const;
  const Servers& servers() const { return servers_; }
  static void PrintEnd(const ServiceProcess& service);

 private:
  nlohmann::json MakeDocument() const;
  jetstream::Connection& Nats();

  const Servers servers_;
  const std::string id_;
  const std::string topic_;
  const std::vector<PipelineField> fields_;
  const std::filesystem::path folder_;
  std::vector<std::string> nats_urls_;
  ClickHouse clickhouse_;
  ServiceProcess ingestor_;
  ServiceProcess transform_;
  ServiceProcess sink_;
  std::unique_ptr<jetstream::Connection> nats_;
};

}  // namespace penstock::testing
