// How records of several partitions, and of several pipelines, find their way into their tables.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"},
                                            {"name", "string", "name", "String"},
                                            {"_partition", "", "partition", "UInt32"},
                                            {"_offset", "", "offset", "Int64"}};

std::string Event(int id) {
  return fmt::format(R"({{"id":{},"name":"event {}"}})", id, id);
}

std::vector<std::string> Events(int first, int last) {
  std::vector<std::string> events;
  for (int id = first; id <= last; ++id) events.push_back(Event(id));
  return events;
}

class PartitionsTest : public PipelineTest {
 protected:
  std::vector<std::string> Everything(const PipelineHarness& pipeline) {
    return pipeline.clickhouse().Lines(fmt::format(
        "SELECT id, name, partition, offset FROM {} ORDER BY partition, offset", pipeline.table()));
  }
};

TEST_F(PartitionsTest, FourRowsOfOnePartition) {
  const std::string topic = NewTopic(1);
  Produce(topic, 0, Events(1, 4));
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  pipeline.WaitForRows(4);
  EXPECT_EQ(Everything(pipeline),
            (std::vector<std::string>{"1\tevent 1\t0\t0", "2\tevent 2\t0\t1", "3\tevent 3\t0\t2",
                                      "4\tevent 4\t0\t3"}));
  pipeline.WaitForCommits(kafka());
}

TEST_F(PartitionsTest, FourRowsAmongThreePartitions) {
  const std::string topic = NewTopic(3);
  Produce(topic, 0, Events(1, 2));
  Produce(topic, 2, Events(3, 4));
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  pipeline.WaitForRows(4);
  EXPECT_EQ(Everything(pipeline),
            (std::vector<std::string>{"1\tevent 1\t0\t0", "2\tevent 2\t0\t1", "3\tevent 3\t2\t0",
                                      "4\tevent 4\t2\t1"}));
  pipeline.WaitForCommits(kafka());
}

TEST_F(PartitionsTest, SixRowsThatComeWhileItRuns) {
  const std::string topic = NewTopic(3);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  for (const std::int32_t partition : {0, 1, 2}) {
    Produce(topic, partition, Events(2 * partition + 1, 2 * partition + 2));
  }
  pipeline.WaitForRows(6);
  EXPECT_EQ(Everything(pipeline),
            (std::vector<std::string>{"1\tevent 1\t0\t0", "2\tevent 2\t0\t1", "3\tevent 3\t1\t0",
                                      "4\tevent 4\t1\t1", "5\tevent 5\t2\t0", "6\tevent 6\t2\t1"}));
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kRow], 6U);
}

TEST_F(PartitionsTest, TwoPipelinesOfOneTopicEachGetAll) {
  const std::string topic = NewTopic(2);
  PipelineHarness& one = NewPipeline(topic, kFields);
  PipelineHarness& other = NewPipeline(topic, {{"id", "int64", "number", "Int64"}});
  one.CreateTable();
  other.CreateTable();
  one.Start();
  other.Start();
  Produce(topic, 0, Events(1, 20));
  Produce(topic, 1, Events(21, 50));
  for (PipelineHarness* const pipeline : {&one, &other}) {
    pipeline->WaitForRows(50);
    pipeline->WaitForCommits(kafka());
    EXPECT_EQ(pipeline->Rows(), 50U);
  }
  EXPECT_EQ(other.clickhouse().Number("SELECT sum(number) FROM " + other.table()), 50U * 51 / 2);
}

// A restart of everything, with nothing new, changes nothing; what comes meanwhile is there after.
TEST_F(PartitionsTest, ARestartGoesOnWhereItWas) {
  const std::string topic = NewTopic(3);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  Produce(topic, 1, Events(1, 10));
  pipeline.WaitForRows(10);
  pipeline.WaitForCommits(kafka());
  EXPECT_TRUE(pipeline.ingestor().Stop().clean());
  EXPECT_TRUE(pipeline.sink().Stop().clean());
  Produce(topic, 1, Events(11, 15));
  Produce(topic, 2, Events(16, 20));
  pipeline.Start();
  pipeline.WaitForRows(20);
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.clickhouse().Lines(fmt::format(
                "SELECT count(), uniqExact(id), min(id), max(id) FROM {}", pipeline.table())),
            std::vector<std::string>{"20\t20\t1\t20"});
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kRow], 20U);
}

}  // namespace
}  // namespace penstock::testing
