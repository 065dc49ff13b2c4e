#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/pipeline.h"
#include "unit/config/documents.h"

namespace penstock::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PipelineSpec Parse(std::string_view text, const ParseOptions& options = {}) {
  Result<PipelineSpec> spec = ParsePipeline(text, options);
  EXPECT_TRUE(spec.ok()) << spec.error().detail;
  return spec.ok() ? spec.value() : PipelineSpec{};
}

TEST(PipelineTest, DefaultsFillInWhatIsLeftOut) {
  const PipelineSpec spec = Parse(kMinimal);
  EXPECT_EQ(spec.name, "orders");
  EXPECT_EQ(spec.sources[0].consumer_group, "penstock-orders");
  EXPECT_EQ(spec.sources[0].initial_offset.kind, InitialOffset::Kind::kEarliest);
  EXPECT_EQ(spec.sink.max_batch_rows, 100'000U);
  EXPECT_EQ(spec.sink.max_batch_bytes, 64U << 20);
  EXPECT_EQ(spec.sink.max_delay, std::chrono::seconds(1));
  EXPECT_EQ(spec.sink.connection.http_port, 8123);
  EXPECT_THAT(spec.sink.connection.hosts, ElementsAre("clickhouse"));
  EXPECT_EQ(spec.sink.connection.password, "");
  EXPECT_FALSE(spec.sink.connection.secure);
  EXPECT_EQ(spec.resources.shards, 12U);
  EXPECT_EQ(spec.resources.nats.max_bytes, 4ULL << 30);
  EXPECT_EQ(spec.resources.nats.max_age, std::chrono::hours(24));
  EXPECT_EQ(spec.resources.batch_max_bytes, 512U << 10);
  EXPECT_EQ(spec.resources.batch_max_delay, std::chrono::milliseconds(50));
  EXPECT_THAT(spec.sink.mapping, IsEmpty());
}

TEST(PipelineTest, EveryKeyArrivesInTheSpec) {
  const PipelineSpec spec = Parse(kEverything, SecretOptions());
  const SourceSpec& source = spec.sources.at(0);
  EXPECT_EQ(source.connection.mechanism, "SCRAM-SHA-512");
  EXPECT_EQ(source.connection.password, kSecret);
  EXPECT_THAT(source.connection.root_ca, HasSubstr("-----BEGIN"));
  EXPECT_EQ(source.connection.properties.at("socket.timeout.ms"), "10000");
  EXPECT_EQ(source.initial_offset.kind, InitialOffset::Kind::kTimestamp);
  EXPECT_EQ(source.initial_offset.timestamp_ms, 1'710'496'800'000);
  EXPECT_EQ(source.consumer_group, "orders-loader");
  EXPECT_TRUE(source.schema_fields.at(1).optional);
  EXPECT_EQ(source.schema_fields.at(2).type, FieldType::kUint8);
  EXPECT_EQ(source.schema_fields.at(2).default_json, "1");
  EXPECT_EQ(spec.sources.at(1).connection.username, "etl");
  EXPECT_EQ(spec.join->kind, "left");
  EXPECT_EQ(spec.join->right.time_window, std::chrono::hours(2));
  EXPECT_THAT(spec.sink.connection.hosts, ElementsAre("clickhouse-0", "clickhouse-1:8443"));
  EXPECT_EQ(spec.sink.connection.http_port, 8443);
  EXPECT_EQ(spec.sink.max_batch_rows, 50'000U);
  EXPECT_EQ(spec.sink.settings.at("max_threads"), "2");
  EXPECT_EQ(spec.sink.errors.at(41), "dead_letter");
  EXPECT_THAT(spec.tags, ElementsAre("team:checkout"));
  EXPECT_EQ(spec.resources.shards, 6U);
  EXPECT_TRUE(spec.resources.nats.memory_storage);
  EXPECT_EQ(spec.resources.nats.max_messages_rows, 1'000'000U);
  EXPECT_THAT(spec.resources.nats.urls, ElementsAre("nats://nats:4222"));
  EXPECT_EQ(spec.resources.sources.at(0).limits.at("cpu"), "2");
  EXPECT_EQ(spec.resources.transform.at(0).storage_size, "20Gi");
}

TEST(PipelineTest, TransformsTakeTheirPlacesWhateverTheirOrder) {
  const PipelineSpec spec = Parse(kEveryTransform);
  EXPECT_EQ(spec.filter->expression, "amount > 1");
  ASSERT_EQ(spec.dedups.size(), 1U);
  EXPECT_THAT(spec.dedups[0].key, ElementsAre("id", "amount"));
  EXPECT_EQ(spec.dedups[0].time_window, std::chrono::hours(7 * 24));
  EXPECT_EQ(spec.stateless->outputs.at(0).output_name, "ID");
}

TEST(PipelineTest, AllFaultsComeAtOnceInTheOrderOfTheirLines) {
  std::string text = kMinimal;
  text = Replaced(text, "pipeline_id: orders", "pipeline_id: abc");
  text = Replaced(text, "topic:", "topics:");
  text = Replaced(text, "type: float", "type: flaot");
  text = Replaced(text, "  table: orders\n", "  max_batch_size: 0\n  max_delay_time: 1 s\n");
  const Document document = ReadPipeline(text);
  EXPECT_EQ(
      FaultsAsText(document.faults, "orders.yaml"),
      R"(orders.yaml:1:14: pipeline_id: must have 5 or more characters, is "abc"
orders.yaml:3:5: sources[0].topic: is required for a Kafka source
orders.yaml:5:5: sources[0].topics: no such key; did you mean "topic"?
orders.yaml:12:30: sources[0].schema_fields[1].type: must be one of string, bool, boolean, int, )"
      R"(integer, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float, )"
      R"(number, float32, float64, bytes, array, map, object, is "flaot"; did you mean "float"?
orders.yaml:15:1: sink.table: is required (text): The table
orders.yaml:21:19: sink.max_batch_size: must be 1 or more, is 0
orders.yaml:22:19: sink.max_delay_time: must be a duration such as "30s", "1h30m", "250ms" or )"
      R"("7d", is "1 s")");
}

TEST(PipelineTest, FaultsAsJsonKeepPathLineAndMessage) {
  EXPECT_EQ(FaultsAsJson({{"a[0].b", 3, 5, "must be \"x\""}}),
            "[\n  {\"path\": \"a[0].b\", \"line\": 3, \"column\": 5, \"message\": \"must be "
            "\\\"x\\\"\"}\n]");
  EXPECT_EQ(FaultsAsJson({}), "[]");
}

TEST(PipelineTest, ReferencesAreReplacedInAnyText) {
  ParseOptions options;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOST") return "ch-1";
    return std::nullopt;
  };
  options.read_file = [](const std::string& path) -> Result<std::string> {
    if (path == "/run/user") return std::string("loa${HOST}der\n");
    return Error{Remedy::kStop, "file", "cannot be read"};
  };
  std::string text = Replaced(kMinimal, "host: clickhouse", "host: \"${HOST}.shop\"");
  text = Replaced(text, "username: loader", "username: ${file:/run/user}");
  text = Replaced(text, "database: shop", "database: $${HOST}$");
  const PipelineSpec spec = Parse(text, options);
  EXPECT_THAT(spec.sink.connection.hosts, ElementsAre("ch-1.shop"));
  EXPECT_EQ(spec.sink.connection.username, "loa${HOST}der") << "not looked at again";
  EXPECT_EQ(spec.sink.connection.database, "${HOST}$");
}

TEST(PipelineTest, ReferencesThatCannotBeReplacedAreFaultsOfTheirOwnOnly) {
  std::string text = Replaced(kMinimal, "host: clickhouse", "host: ${UNSET}");
  text = Replaced(text, "username: loader", "username: ${file:/nowhere}");
  text = Replaced(text, "database: shop", "database: \"${not a name}\"");
  ParseOptions options;
  options.environment = [](const std::string&) { return std::nullopt; };
  const Document document = ReadPipeline(text, options);
  EXPECT_EQ(FaultsAsText(document.faults, ""),
            "line 18: sink.connection_params.host: the environment variable UNSET is not set\n"
            "line 19: sink.connection_params.database: ${ must go on as ${NAME} or ${file:/path}; "
            "write $${ for a literal ${\n"
            "line 20: sink.connection_params.username: the file /nowhere of ${file:…} cannot be "
            "read");
}

TEST(PipelineTest, OlderFormatsAreSentToConvert) {
  for (const char* text :
       {"version: v2\npipeline_id: orders\nsource: {}\n", "{\"version\": \"v1\", \"x\": 1}",
        "pipeline_id: orders\nsource: {}\nsink: {}\n"}) {
    SCOPED_TRACE(text);
    const Document document = ReadPipeline(text);
    ASSERT_EQ(document.faults.size(), 1U);
    EXPECT_THAT(document.faults[0].message, HasSubstr("penstock convert"));
    EXPECT_GT(document.faults[0].line, 0);
  }
}

TEST(PipelineTest, WhatIsAcceptedWithoutEffectIsNoted) {
  const Document document = ReadPipeline(kEverything, SecretOptions());
  std::vector<std::string> paths;
  for (const Fault& note : document.notes) paths.push_back(note.path);
  // The second source has the first one's connection by an alias: the same line.
  EXPECT_THAT(paths, ElementsAre("sources[0].connection_params.skip_auth",
                                 "sources[1].connection_params.skip_auth",
                                 "sources[0].schema_registry", "sink.connection_params.port"));
}

TEST(PipelineTest, WhatIsNotBuiltYetIsNamedWithItsLine) {
  EXPECT_THAT(ReadPipeline(kMinimal).not_built_yet, IsEmpty());
  EXPECT_THAT(ReadPipeline(kEveryTransform).not_built_yet, IsEmpty());
  EXPECT_THAT(ReadPipeline(kEverything, SecretOptions()).not_built_yet, IsEmpty());
  PipelineSpec spec = Parse(kMinimal);
  spec.sources[0].type = SourceType::kOtlpLogs;
  EXPECT_THAT(FaultsAsText(NotBuiltYet(spec), ""), HasSubstr("sources[0].type: OTLP sources"));
}

TEST(PipelineTest, FilesAreReadAndTheirReferencesToo) {
  const std::filesystem::path dir =
      std::filesystem::path(testing::TempDir()) / "penstock_config_pipeline_test";
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "user") << "loader\r\n";
  std::ofstream(dir / "pipeline.yaml") << Replaced(
      kMinimal, "username: loader", "username: ${file:" + (dir / "user").string() + "}");
  const Result<PipelineSpec> spec = LoadPipeline((dir / "pipeline.yaml").string());
  ASSERT_TRUE(spec.ok()) << spec.error().detail;
  EXPECT_EQ(spec.value().sink.connection.username, "loader");
  for (const std::string& path : {(dir / "missing.yaml").string(), dir.string()}) {
    const Result<PipelineSpec> missing = LoadPipeline(path);
    ASSERT_FALSE(missing.ok());
    EXPECT_EQ(missing.error().detail, path + ": cannot be read");
  }
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace penstock::config
