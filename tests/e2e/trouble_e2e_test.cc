// Servers that are not there, refuse, or are too small: said by name, waited for, and no row lost.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "support/nats_server.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"},
                                            {"text", "string", "text", "String"}};

std::vector<std::string> Events(int count, const std::string& text = "x") {
  std::vector<std::string> events;
  for (int id = 0; id < count; ++id) {
    events.push_back(fmt::format(R"({{"id":{},"text":"{}"}})", id, text));
  }
  return events;
}

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class TroubleTest : public PipelineTest {
 protected:
  static void WaitUntilPaused(PipelineHarness& pipeline, std::string_view reason) {
    WaitFor(fmt::format("paused: {}", reason), [&] {
      return pipeline.sink().Metrics().Sum("penstock_sink_paused",
                                           {{"reason", std::string(reason)}}) == 1;
    });
  }

  static void ExpectAllRows(PipelineHarness& pipeline, KafkaAdmin& kafka, std::uint64_t rows) {
    pipeline.WaitForRows(rows);
    pipeline.WaitForCommits(kafka);
    EXPECT_EQ(pipeline.clickhouse().Lines(
                  fmt::format("SELECT count(), uniqExact(id) FROM {}", pipeline.table())),
              std::vector<std::string>{fmt::format("{}\t{}", rows, rows)});
    EXPECT_EQ(pipeline.sink().Metrics().Sum("penstock_sink_paused"), 0);
  }
};

TEST_F(TroubleTest, AWrongPasswordPausesUntilItIsRight) {
  const std::string topic = NewTopic(1);
  Produce(topic, 0, Events(20));
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.document["sink"]["connection_params"]["password"] = "another";
  pipeline.Start();
  WaitUntilPaused(pipeline, "access");
  WaitFor("a pause is not unready", [&] { return pipeline.sink().Ready().passed; });
  EXPECT_TRUE(Contains(pipeline.sink().Log(), "Authentication failed")) << pipeline.sink().Log();
  EXPECT_FALSE(Contains(pipeline.sink().Log(), "another")) << "the log shows the password";
  RunStack(servers(), {"restart", "clickhouse", "--clickhouse-password", "another"});
  WaitFor("inserts go through",
          [&] { return pipeline.sink().Metrics().Sum("penstock_sink_rows_out_total") == 20; });
  RunStack(servers(),
           {"restart", "clickhouse", "--clickhouse-password", servers().clickhouse.password});
  ExpectAllRows(pipeline, kafka(), 20);
}

TEST_F(TroubleTest, AMissingTableIsNamedAndWaitedFor) {
  const std::string topic = NewTopic(1);
  Produce(topic, 0, Events(20));
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.Start();
  WaitUntilPaused(pipeline, "schema");
  EXPECT_TRUE(Contains(pipeline.sink().Log(), pipeline.id())) << pipeline.sink().Log();
  pipeline.CreateTable();
  ExpectAllRows(pipeline, kafka(), 20);
}

TEST_F(TroubleTest, AMissingColumnIsNamedAndWaitedFor) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  Produce(topic, 0, Events(20));
  pipeline.WaitForRows(20);
  pipeline.clickhouse().Query(
      fmt::format("ALTER TABLE {} RENAME COLUMN text TO words", pipeline.table()));
  std::vector<std::string> more;
  for (int id = 20; id < 40; ++id) more.push_back(fmt::format(R"({{"id":{},"text":"y"}})", id));
  Produce(topic, 0, more);
  WaitUntilPaused(pipeline, "schema");
  EXPECT_TRUE(Contains(pipeline.sink().Log(), "text")) << pipeline.sink().Log();
  pipeline.clickhouse().Query(
      fmt::format("ALTER TABLE {} RENAME COLUMN words TO text", pipeline.table()));
  ExpectAllRows(pipeline, kafka(), 40);
}

TEST_F(TroubleTest, ANatsServerThatIsNotThereIsWaitedFor) {
  const auto nats = NatsServer::Start();
  nats->Stop();
  const std::string topic = NewTopic(1);
  Produce(topic, 0, Events(20));
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.UseNats(nats->url());
  pipeline.CreateTable();
  pipeline.Start();
  for (ServiceProcess* const service : {&pipeline.ingestor(), &pipeline.sink()}) {
    WaitFor("the reason", [&] { return Contains(service->Ready().text, "nats"); });
    EXPECT_FALSE(service->Ready().passed);
    EXPECT_TRUE(service->Live().passed);
  }
  nats->Restart();
  ExpectAllRows(pipeline, kafka(), 20);
  WaitFor("the ingestor is ready", [&] { return pipeline.ingestor().Ready().passed; });
  WaitFor("the sink is ready", [&] { return pipeline.sink().Ready().passed; });
}

TEST_F(TroubleTest, WhoWaitsForNatsEndsCleanlyWhenToldTo) {
  const auto nats = NatsServer::Start();
  nats->Stop();
  PipelineHarness& pipeline = NewPipeline(NewTopic(1), kFields);
  pipeline.UseNats(nats->url());
  pipeline.Start();
  for (ServiceProcess* const service : {&pipeline.ingestor(), &pipeline.sink()}) {
    WaitFor("the reason", [&] { return Contains(service->Ready().text, "nats"); });
    const process::ExitReport ended = service->Stop(std::chrono::seconds(5));
    EXPECT_TRUE(ended.clean()) << service->name() << ": " << ToText(ended);
  }
  nats->Restart();  // For the streams' removal.
}

TEST_F(TroubleTest, AKafkaThatIsNotThereIsWaitedForAndNamed) {
  PipelineHarness& pipeline = NewPipeline(NewTopic(1), kFields);
  const std::string nobody = fmt::format("127.0.0.1:{}", FreePort());
  pipeline.document["sources"][0]["connection_params"]["brokers"] = {nobody};
  pipeline.StartIngestor();
  WaitFor("the reason", [&] { return Contains(pipeline.ingestor().Ready().text, nobody); });
  EXPECT_FALSE(pipeline.ingestor().Ready().passed);
  EXPECT_TRUE(pipeline.ingestor().Live().passed);
  EXPECT_TRUE(pipeline.ingestor().Stop(std::chrono::seconds(15)).clean());
}

TEST_F(TroubleTest, AMissingTopicIsNamedAndWaitedFor) {
  const std::string topic = UniqueName("later");
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.document["sources"][0]["connection_params"]["properties"] = {
      {"topic.metadata.refresh.interval.ms", "1000"}};
  pipeline.Start();
  WaitFor("the reason", [&] { return Contains(pipeline.ingestor().Ready().text, topic); });
  EXPECT_FALSE(pipeline.ingestor().Ready().passed);
  kafka().CreateTopic(topic, 2);
  Produce(topic, 1, Events(5));
  ExpectAllRows(pipeline, kafka(), 5);
  WaitFor("the ingestor is ready", [&] { return pipeline.ingestor().Ready().passed; });
  kafka().DeleteTopic(topic);
}

TEST_F(TroubleTest, ASmallMaxPayloadMakesSmallerBatches) {
  constexpr std::uint64_t kMaxPayload = 128 << 10;
  const auto nats = NatsServer::Start({.max_payload = kMaxPayload});
  const std::string topic = NewTopic(1);
  constexpr int kRecords = 2000;
  Produce(topic, 0, Events(kRecords, std::string(1000, 'x')));
  Produce(topic, 0, {fmt::format(R"({{"id":-1,"text":"{}"}})", std::string(2 * kMaxPayload, 'y'))});
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.UseNats(nats->url());
  pipeline.CreateTable();
  pipeline.Start();
  ExpectAllRows(pipeline, kafka(), kRecords);
  EXPECT_TRUE(Contains(pipeline.ingestor().Log(), "max_payload")) << pipeline.ingestor().Log();
  const MetricsPage ingestor = pipeline.ingestor().Metrics();
  EXPECT_GT(ingestor.Sum("penstock_ingestor_batches_out_total"), 10);
  EXPECT_EQ(
      ingestor.Sum("penstock_ingestor_rows_dead_lettered_total", {{"reason", "record_too_large"}}),
      1);
  const auto letters = pipeline.DeadLetters();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters.front()["reason"], "record_too_large");
  EXPECT_EQ(letters.front()["offset"], kRecords);
}

TEST_F(TroubleTest, ADocumentWithFaultsIsRefusedWithAllOfThem) {
  PipelineHarness& pipeline = NewPipeline(NewTopic(1), kFields);
  pipeline.document["sink"].erase("table");
  pipeline.document["sources"][0]["tpoic"] = "x";
  pipeline.sink().Launch(pipeline.Arguments());
  EXPECT_EQ(pipeline.sink().WaitForExit().code, 2);
  EXPECT_TRUE(Contains(pipeline.sink().Log(), "sink.table")) << pipeline.sink().Log();
  EXPECT_TRUE(Contains(pipeline.sink().Log(), "tpoic")) << pipeline.sink().Log();
}

}  // namespace
}  // namespace penstock::testing
