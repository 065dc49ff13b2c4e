// Servers that go away under load, and a buffer that is too small.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/format.h"
#include "base/wait.h"
#include "crash/crash_test.h"
#include "support/nats_server.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;
/// docs/architecture.md: a process stays below this at full rate, however large the backlog.
constexpr std::uint64_t kMostMemory = 512 * kMiB;

/// PENSTOCK_CRASH_OUTAGE: seconds without ClickHouse.
std::chrono::seconds Outage() {
  const char* const given = std::getenv("PENSTOCK_CRASH_OUTAGE");  // NOLINT(concurrency-mt-unsafe)
  return std::chrono::seconds(given == nullptr ? 40 : std::strtol(given, nullptr, 10));
}

using OutageTest = CrashTest;

TEST_F(OutageTest, ClickHouseIsAway) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 20'000, 2'000);
  pipeline.Start();
  pipeline.WaitForRows(20'000);
  RunStack(servers(), {"stop", "clickhouse"});
  std::uint64_t memory = 0;
  const Clock::Time back = SystemClock().Now() + Outage();
  while (SystemClock().Now() < back) {
    WaitUntil(SystemClock().Now() + 500ms, {});
    memory = std::max(memory, pipeline.sink().ResidentBytes());
    EXPECT_TRUE(pipeline.sink().Live().passed) << pipeline.sink().Live().text;
  }
  EXPECT_EQ(pipeline.sink().Metrics().Sum("penstock_sink_paused"), 1);
  RunStack(servers(), {"start", "clickhouse"});
  ExpectEachExactlyOnce(pipeline,
                        fmt::format("ClickHouse away for {} s (sink at most {} MiB)",
                                    Outage().count(), memory / kMiB),
                        120s);
  EXPECT_LT(memory, kMostMemory);
}

// An orderly stop in the middle of inserts. Its kill -9 promises less: a plain MergeTree can
// remember the token of an insert whose rows it then does not have (docs/delivery-guarantees.md).
TEST_F(OutageTest, ClickHouseRestarts) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 20'000, 5'000);
  pipeline.Start();
  for (int restart = 0; restart < 6; ++restart) {
    LetPass(500ms, 2500ms);
    RunStack(servers(), {"stop", "clickhouse"});
    RunStack(servers(), {"start", "clickhouse"});
  }
  ExpectEachExactlyOnce(pipeline, "ClickHouse restarted, 6 times", 120s);
}

TEST_F(OutageTest, TheNatsServerRestarts) {
  const auto nats = NatsServer::Start();
  PipelineHarness& pipeline = NewLoadedPipeline();
  pipeline.UseNats(nats->url());
  StartLoad(pipeline, 50'000, 5'000);
  pipeline.Start();
  for (int restart = 0; restart < 8; ++restart) {
    LetPass(500ms, 2500ms);
    nats->Stop();
    LetPass(0ms, 1500ms);
    nats->Restart();
  }
  EXPECT_TRUE(pipeline.ingestor().Running());
  EXPECT_TRUE(pipeline.sink().Running());
  ExpectEachExactlyOnce(pipeline, "nats-server restarted, 8 times");
}

// kill -9 can take acknowledged messages with it: nats-server 2.9 has been seen to restore a stream
// that ends before what was read from it. What is missing then comes again from Kafka.
TEST_F(OutageTest, TheNatsServerIsKilled) {
  const auto nats = NatsServer::Start();
  streams_lose_messages_ = true;
  PipelineHarness& pipeline = NewLoadedPipeline();
  pipeline.UseNats(nats->url());
  StartLoad(pipeline, 50'000, 5'000);
  pipeline.Start();
  for (int kill = 0; kill < 4; ++kill) {
    LetPass(500ms, 2500ms);
    nats->Kill9();
    LetPass(0ms, 1500ms);
    nats->Restart();
  }
  fmt::print("gone back {} times\n",
             pipeline.ingestor().Metrics().Sum("penstock_ingestor_gone_back_total"));
  ExpectEachExactlyOnce(pipeline, "kill -9 of nats-server, 4 times");
}

// No sink: the stream fills up. Then Kafka keeps the rest, and memory does not grow with it.
TEST_F(OutageTest, AFullStream) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  pipeline.document["resources"]["nats"]["stream"]["maxBytes"] = "4MiB";
  Load& load = StartLoad(pipeline, 100'000, 10'000);
  pipeline.StartIngestor();
  const auto refused = [&] {
    return pipeline.ingestor().Metrics().Sum("penstock_ingestor_publish_refused_total",
                                             {{"reason", "full"}});
  };
  const auto lag = [&] { return kafka().Lag(pipeline.group(), pipeline.topic()); };
  WaitFor("the streams are full", [&] { return refused() >= 8; });
  WaitFor("reading waits", [&] {
    return pipeline.ingestor().Metrics().Sum("penstock_kafka_paused_partitions") == kPartitions;
  });
  const std::uint64_t memory = pipeline.ingestor().ResidentBytes();
  const std::int64_t lag_before = lag();
  WaitFor("a larger backlog", [&, more = load.sent() + 150'000] { return load.sent() > more; });
  const std::uint64_t memory_later = pipeline.ingestor().ResidentBytes();
  EXPECT_GT(lag(), lag_before + 100'000);
  EXPECT_EQ(pipeline.Committed(kafka()), 0);
  EXPECT_LT(memory_later, memory + 32 * kMiB);
  EXPECT_LT(memory_later, kMostMemory);
  pipeline.StartSink();
  ExpectEachExactlyOnce(pipeline, fmt::format("a full stream (ingestor {} MiB, then {} MiB)",
                                              memory / kMiB, memory_later / kMiB));
}

}  // namespace
}  // namespace penstock::testing
