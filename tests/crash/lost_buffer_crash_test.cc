// What JetStream holds of a pipeline is lost under load: it comes again from Kafka.

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "crash/crash_test.h"
#include "protocol/names.h"
#include "support/nats_server.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;
using protocol::Hop;

bool Every(std::uint64_t) {
  return true;
}

/// On a nats-server of its own: some versions die of a question about a stream that is just being
/// made. Then it is started again, as by whoever watches over it.
class LostBufferTest : public CrashTest {
 protected:
  PipelineHarness& NewLoadedPipeline() {
    PipelineHarness& pipeline = CrashTest::NewLoadedPipeline();
    streams_lose_messages_ = true;
    pipeline.UseNats(nats_->url());
    return pipeline;
  }
  void Await(const std::string& what, const std::function<bool()>& condition) {
    WaitFor(
        what,
        [&] {
          nats_->RestartIfItDied();
          return condition();
        },
        90s);
  }
  void Remove(PipelineHarness& pipeline, Hop hop, std::uint32_t shard) {
    RemoveStream(pipeline, protocol::StreamName(pipeline.id(), hop, ShardId(shard)));
  }
  void RemoveStream(PipelineHarness& pipeline, const std::string& name) {
    Await("there is a stream to delete", [&] { return pipeline.streams().Remove(name).ok(); });
  }
  void AwaitGoneBack(PipelineHarness& pipeline) {
    Await("it has gone back", [&] {
      return pipeline.ingestor().Metrics().Sum("penstock_ingestor_gone_back_total") > 0;
    });
  }
  /// All streams are there again, and the server has survived it.
  void AwaitStreams(PipelineHarness& pipeline, Hop hop) {
    Await("the streams are there again", [&] {
      for (std::uint32_t shard = 0; shard < pipeline.shards(); ++shard) {
        const auto name = protocol::StreamName(pipeline.id(), hop, ShardId(shard));
        if (!pipeline.streams().State(name).ok()) return false;
      }
      return true;
    });
  }

 private:
  const std::unique_ptr<NatsServer> nats_ = NatsServer::Start();
};

TEST_F(LostBufferTest, AllStreamsOfAPipeline) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 50'000, 10'000);
  pipeline.Start();
  for (int time = 0; time < 3; ++time) {
    LetPass(500ms, 2500ms);
    for (std::uint32_t shard = 0; shard < pipeline.shards(); ++shard) {
      Remove(pipeline, Hop::kIn, shard);
    }
    RemoveStream(pipeline, protocol::DeadLetterStream(pipeline.id()));
    AwaitStreams(pipeline, Hop::kIn);
  }
  AwaitGoneBack(pipeline);
  ExpectEachExactlyOnce(pipeline, "all streams deleted, 3 times");
}

TEST_F(LostBufferTest, AllStreamsWhileNobodyReadsThem) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 20'000, 5'000);
  pipeline.StartIngestor();
  WaitFor("something is published", [&] {
    return pipeline.ingestor().Metrics().Sum("penstock_ingestor_rows_out_total") >= 20'000;
  });
  for (std::uint32_t shard = 0; shard < pipeline.shards(); ++shard) {
    Remove(pipeline, Hop::kIn, shard);
  }
  pipeline.ingestor().Kill9();
  pipeline.Start();
  AwaitStreams(pipeline, Hop::kIn);
  ExpectEachExactlyOnce(pipeline, "all streams deleted before the sink's first start");
}

// Between the transform and the sink, and in front of the transform, in turn.
TEST_F(LostBufferTest, OneStreamOfAPipelineWithATransform) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  pipeline.document["transforms"] = {{{"type", "dedup"},
                                      {"source_id", "events"},
                                      {"config", {{"key", "id"}, {"time_window", "1h"}}}}};
  StartLoad(pipeline, 50'000, 5'000, 10);
  pipeline.Start();
  for (std::uint32_t time = 0; time < 4; ++time) {
    LetPass(500ms, 2500ms);
    const Hop hop = time % 2 == 0 ? Hop::kOut : Hop::kIn;
    Remove(pipeline, hop, time % pipeline.shards());
    AwaitStreams(pipeline, hop);
  }
  ExpectEachKeyExactlyOnce(pipeline, "one stream deleted, 4 times", Every);
}

// A restart while ClickHouse's side is behind reads only what is not in the streams yet.
TEST_F(LostBufferTest, ARestartOfTheIngestorDoesNotReadAgainWhatIsPublished) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  Load& load = StartLoad(pipeline, 50'000, 1'000);
  pipeline.StartIngestor();
  WaitFor("the backlog is published", [&] {
    return pipeline.ingestor().Metrics().Sum("penstock_ingestor_rows_out_total") >= 50'000;
  });
  LetPass(1500ms, 2500ms);  // Longer than it keeps its record of that to itself.
  const std::uint64_t sent = load.sent();
  pipeline.ingestor().Kill9();
  pipeline.StartIngestor();
  WaitUntilItReads(pipeline.ingestor());
  WaitFor("it has caught up", [&] {
    return pipeline.ingestor().Metrics().Sum("penstock_kafka_read_lag_rows") < 2'000;
  });
  EXPECT_LT(pipeline.ingestor().Metrics().Sum("penstock_ingestor_rows_in_total"),
            static_cast<double>(load.sent() - sent + 20'000));
  pipeline.StartSink();
  ExpectEachExactlyOnce(pipeline, "kill -9 of the ingestor with a full buffer behind it");
}

// Another topic of the same name, whether it is shorter or longer than what was read of the old.
TEST_F(LostBufferTest, ATopicIsDeletedAndMadeAgain) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 20'000, 0);
  pipeline.Start();
  pipeline.WaitForRows(20'000);
  pipeline.WaitForCommits(kafka());
  kafka().DeleteTopic(pipeline.topic());
  kafka().CreateTopic(pipeline.topic(), kPartitions, {});
  StartLoad(pipeline, 5'000, 0);
  pipeline.WaitForRows(25'000, 90s);
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.clickhouse().Number("SELECT uniqExact(id) FROM " + pipeline.table()), 20'000U);
  // And while nobody looks.
  pipeline.ingestor().Stop();
  kafka().DeleteTopic(pipeline.topic());
  kafka().CreateTopic(pipeline.topic(), kPartitions, {});
  StartLoad(pipeline, 40'000, 0);
  pipeline.StartIngestor();
  pipeline.WaitForRows(65'000, 90s);
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.Rows(), 65'000U);
  fmt::print("a topic deleted and made again, twice: {} of 65000 rows\n", pipeline.Rows());
}

}  // namespace
}  // namespace penstock::testing
