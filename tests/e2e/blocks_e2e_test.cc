// When and how rows become blocks of the table: by age, by number, and at the end.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"}};

std::vector<std::string> Events(int count) {
  std::vector<std::string> events;
  for (int id = 0; id < count; ++id) events.push_back(fmt::format(R"({{"id":{}}})", id));
  return events;
}

class BlocksTest : public PipelineTest {
 protected:
  /// A pipeline of one shard, so that blocks depend on the limits alone.
  PipelineHarness& OneShard(const std::string& topic, std::int64_t rows, std::string_view delay) {
    PipelineHarness& pipeline = NewPipeline(topic, kFields);
    pipeline.document["resources"]["shards"] = 1;
    pipeline.document["sink"]["max_batch_size"] = rows;
    pipeline.document["sink"]["max_delay_time"] = delay;
    pipeline.CreateTable();
    pipeline.clickhouse().Query("SYSTEM STOP MERGES " + pipeline.table());
    return pipeline;
  }

  /// Rows of each block, in the order of insertion: a block is a part as long as nothing merges.
  static std::vector<std::string> Blocks(const PipelineHarness& pipeline) {
    return pipeline.clickhouse().Lines(
        fmt::format("SELECT rows FROM system.parts WHERE database = '{}' AND table = '{}' AND "
                    "active ORDER BY min_block_number",
                    ClickHouse::kDatabase, pipeline.id()));
  }
};

TEST_F(BlocksTest, ABlockThatIsNotFullGoesWhenItsOldestRowIsOldEnough) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = OneShard(topic, 1000, "1500ms");
  pipeline.Start();
  Produce(topic, 0, Events(3));
  pipeline.WaitForRows(1);
  EXPECT_EQ(Blocks(pipeline), std::vector<std::string>{"3"});
  pipeline.WaitForCommits(kafka());
  const MetricsPage sink = pipeline.sink().Metrics();
  EXPECT_EQ(sink.Sum("penstock_end_to_end_seconds_count"), 3);
  EXPECT_EQ(sink.Sum("penstock_end_to_end_seconds_bucket", {{"le", "1"}}), 0) << "flushed early";
}

TEST_F(BlocksTest, AFullBlockGoesAtOnceAndHasExactlyMaxBatchSize) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = OneShard(topic, 7, "10m");
  Produce(topic, 0, Events(31));
  pipeline.Start();
  pipeline.WaitForRows(28);
  EXPECT_EQ(Blocks(pipeline), (std::vector<std::string>{"7", "7", "7", "7"}));
  Produce(topic, 0, Events(5));
  pipeline.WaitForRows(35);
  EXPECT_EQ(Blocks(pipeline), (std::vector<std::string>{"7", "7", "7", "7", "7"}));
  const MetricsPage sink = pipeline.sink().Metrics();
  EXPECT_EQ(sink.Sum("penstock_sink_block_rows_count"), 5);
  EXPECT_EQ(sink.Sum("penstock_sink_block_rows_sum"), 35);
  EXPECT_EQ(sink.Sum("penstock_sink_rows_in_flight"), 1);
}

TEST_F(BlocksTest, TheSinkInsertsWhatItHoldsBeforeItEnds) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = OneShard(topic, 1000, "10m");
  pipeline.Start();
  Produce(topic, 0, Events(7));
  WaitFor("the sink holds the rows",
          [&] { return pipeline.sink().Metrics().Sum("penstock_sink_rows_in_flight") == 7; });
  EXPECT_EQ(pipeline.Rows(), 0U);
  EXPECT_TRUE(pipeline.sink().Stop().clean());
  EXPECT_EQ(pipeline.Rows(), 7U);
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kRow], 7U);
  pipeline.WaitForCommits(kafka());
  EXPECT_TRUE(pipeline.ingestor().Stop().clean());
  pipeline.Start();
  Produce(topic, 0, Events(3));
  WaitFor("the sink holds the new rows",
          [&] { return pipeline.sink().Metrics().Sum("penstock_sink_rows_in_flight") == 3; });
  EXPECT_TRUE(pipeline.sink().Stop().clean());
  EXPECT_EQ(Blocks(pipeline), (std::vector<std::string>{"7", "3"}));
}

TEST_F(BlocksTest, TheIngestorPublishesWhatItHoldsBeforeItEnds) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = OneShard(topic, 1000, "200ms");
  pipeline.document["resources"]["batch"]["max_delay"] = "1m";
  pipeline.StartIngestor();
  Produce(topic, 0, Events(7));
  WaitFor("the ingestor holds the rows", [&] {
    return pipeline.ingestor().Metrics().Sum("penstock_ingestor_rows_in_flight") == 7;
  });
  EXPECT_TRUE(pipeline.ingestor().Stop().clean());
  pipeline.StartSink();
  pipeline.WaitForRows(7);
  WaitFor("the account has the rows", [&] { return pipeline.TotalAccount()[Outcome::kRow] == 7U; });
}

}  // namespace
}  // namespace penstock::testing
