// Kafka's committed offset means "in ClickHouse": the group's lag is the true end-to-end lag.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"}};

using CommitTest = PipelineTest;

/// Starts ClickHouse again, however the test ends.
class ClickHouseStopped {
 public:
  explicit ClickHouseStopped(const Servers& servers) : servers_(servers) {
    RunStack(servers_, {"stop", "clickhouse"});
  }
  ~ClickHouseStopped() {
    if (stopped_) Start();
  }
  void Start() {
    stopped_ = false;
    RunStack(servers_, {"start", "clickhouse"});
  }

 private:
  const Servers& servers_;
  bool stopped_ = true;
};

TEST_F(CommitTest, NothingIsCommittedThatClickHouseDoesNotHave) {
  const std::string topic = NewTopic(2);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  Produce(topic, 0, IdEvents(0, 500));
  Produce(topic, 1, IdEvents(500, 300));
  pipeline.WaitForRows(800);
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.Committed(kafka()), 800);
  {
    ClickHouseStopped stopped(servers());
    Produce(topic, 0, IdEvents(800, 200));
    WaitFor("the rows are published and refused by nobody listening", [&] {
      return pipeline.ingestor().Metrics().Sum("penstock_ingestor_rows_out_total") == 1000 &&
             pipeline.sink().Metrics().Sum("penstock_sink_retries_total") >= 5;
    });
    EXPECT_EQ(pipeline.Committed(kafka()), 800);
    EXPECT_EQ(pipeline.ingestor().Metrics().Sum("penstock_kafka_lag_rows"), 200);
    EXPECT_EQ(pipeline.ingestor().Metrics().Sum("penstock_kafka_read_lag_rows"), 0);
    EXPECT_EQ(pipeline.sink().Metrics().Sum("penstock_sink_paused", {{"reason", "transient"}}), 1);
    EXPECT_TRUE(pipeline.sink().Ready().passed) << "a ClickHouse that is away is not unready";
    EXPECT_TRUE(pipeline.sink().Live().passed);
    stopped.Start();
  }
  pipeline.WaitForRows(1000, std::chrono::seconds(90));
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.Committed(kafka()), 1000);
  EXPECT_EQ(pipeline.clickhouse().Lines(
                fmt::format("SELECT count(), uniqExact(id) FROM {}", pipeline.table())),
            std::vector<std::string>{"1000\t1000"});
  EXPECT_EQ(pipeline.sink().Metrics().Sum("penstock_sink_paused"), 0);
}

// The group has a position before anything is read: a start that is not on record could be
// another one after a crash.
TEST_F(CommitTest, TheStartIsCommittedFirst) {
  const std::string topic = NewTopic(1);
  Produce(topic, 0, IdEvents(0, 10));
  kafka().DeleteRecords(topic, 0, Offset(4));
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.StartIngestor();
  WaitFor("a commit", [&] { return pipeline.Committed(kafka()) == 4; });
  pipeline.CreateTable();
  pipeline.StartSink();
  pipeline.WaitForRows(6);
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.Committed(kafka()), 10);
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kRow], 6U);
}

TEST_F(CommitTest, LatestSkipsWhatWasThereBefore) {
  const std::string topic = NewTopic(1);
  Produce(topic, 0, IdEvents(0, 10));
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.document["sources"][0]["consumer_group_initial_offset"] = "latest";
  pipeline.CreateTable();
  pipeline.Start();
  WaitFor("a commit", [&] { return pipeline.Committed(kafka()) == 10; });
  Produce(topic, 0, IdEvents(10, 5));
  pipeline.WaitForRows(5);
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.clickhouse().Lines("SELECT min(id), count() FROM " + pipeline.table()),
            std::vector<std::string>{"10\t5"});
}

}  // namespace
}  // namespace penstock::testing
