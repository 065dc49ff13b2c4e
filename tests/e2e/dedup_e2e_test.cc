// What dedup remembers, on the real servers: across restarts, lost and damaged stores, windows of
// time, and topics that are read again.

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "protocol/names.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kNoonMs = 1'750'000'000'000;
constexpr int kRows = 3000;

class DedupTest : public PipelineTest {
 protected:
  PipelineHarness& NewDedupPipeline(const std::string& topic, std::string_view window) {
    PipelineHarness& pipeline = NewPipeline(topic, {{"id", "int64", "id", "Int64"},
                                                    {"_partition", "", "partition", "UInt32"},
                                                    {"_offset", "", "offset", "Int64"}});
    pipeline.document["transforms"] = {{{"type", "dedup"},
                                        {"source_id", "events"},
                                        {"config", {{"key", "id"}, {"time_window", window}}}}};
    pipeline.CreateTable();
    return pipeline;
  }
  void ProduceAt(const std::string& topic, std::int32_t partition, std::int64_t at_ms,
                 const std::vector<int>& ids) {
    std::vector<ProducedRecord> records;
    for (const int id : ids) {
      records.push_back({.value = fmt::format(R"({{"id":{}}})", id), .timestamp_ms = at_ms});
    }
    kafka().Produce(topic, partition, records);
  }
  static std::vector<int> Ids(int from, int to) {
    std::vector<int> ids;
    for (int id = from; id < to; ++id) ids.push_back(id);
    return ids;
  }
  /// What a shard keeps on disk, the largest first.
  static std::vector<std::filesystem::path> Files(const PipelineHarness& pipeline) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(pipeline.StateFolder())) {
      if (entry.is_regular_file() && entry.file_size() > 0) files.push_back(entry.path());
    }
    std::ranges::sort(files, std::greater<>{},
                      [](const auto& file) { return std::filesystem::file_size(file); });
    return files;
  }
  /// Rows, a clean stop, `meanwhile`, all of them again and one more: what comes through?
  template <typename Meanwhile>
  void ExpectRemembered(Meanwhile meanwhile, bool damaged = false) {
    const std::string topic = NewTopic(2);
    PipelineHarness& pipeline = NewDedupPipeline(topic, "1h");
    ProduceAt(topic, 0, 0, Ids(0, kRows));
    pipeline.Start();
    pipeline.WaitForRows(kRows);
    pipeline.WaitForCommits(kafka());
    EXPECT_TRUE(pipeline.transform().Stop().clean());
    ASSERT_FALSE(Files(pipeline).empty());
    meanwhile(pipeline);
    pipeline.StartTransform();
    ProduceAt(topic, 1, 0, Ids(0, kRows + 1));
    pipeline.WaitForCommits(kafka());
    EXPECT_EQ(pipeline.Rows(), kRows + 1U);
    const Account account = pipeline.TotalAccount();
    EXPECT_EQ(account[Outcome::kRow], kRows + 1U);
    EXPECT_EQ(account[Outcome::kDuplicate], static_cast<std::uint64_t>(kRows));
    const MetricsPage page = pipeline.transform().Metrics();
    EXPECT_EQ(page.Sum("penstock_dedup_state_lost_total"), 0);
    EXPECT_EQ(page.Sum("penstock_dedup_store_damaged_total"), damaged ? pipeline.shards() : 0);
  }
};

TEST_F(DedupTest, ARestartForgetsNothing) {
  ExpectRemembered([](PipelineHarness&) {});
}

TEST_F(DedupTest, AStoreThatIsGoneIsMadeFromTheKeyLog) {
  ExpectRemembered(
      [](PipelineHarness& pipeline) { std::filesystem::remove_all(pipeline.StateFolder()); });
}

TEST_F(DedupTest, AStoreThatIsCutIsFoundAndMadeAgain) {
  ExpectRemembered(
      [](PipelineHarness& pipeline) {
        for (const auto& file : Files(pipeline)) {
          std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
        }
      },
      true);
}

TEST_F(DedupTest, AStoreWithFlippedBitsIsFoundAndMadeAgain) {
  ExpectRemembered(
      [](PipelineHarness& pipeline) {
        for (const auto& file : Files(pipeline)) {
          std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
          const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(file) / 2);
          for (std::streamoff at = middle; at < middle + 8; ++at) {
            stream.seekg(at);
            const int byte = stream.get();
            stream.seekp(at);
            stream.put(static_cast<char>(~byte));
          }
        }
      },
      true);
}

TEST_F(DedupTest, ALogThatIsGoneAsWellIsSaidLoudly) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewDedupPipeline(topic, "1h");
  ProduceAt(topic, 0, 0, Ids(0, 100));
  pipeline.Start();
  pipeline.WaitForRows(100);
  pipeline.transform().Kill9();
  std::filesystem::remove_all(pipeline.StateFolder());
  for (std::uint32_t shard = 0; shard < pipeline.shards(); ++shard) {
    const std::string log =
        protocol::StreamName(pipeline.id(), protocol::Hop::kKeys, ShardId(shard));
    ASSERT_TRUE(pipeline.streams().Remove(log).ok());
  }
  pipeline.StartTransform();
  ProduceAt(topic, 0, 0, Ids(50, 150));
  pipeline.WaitForRows(200);
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.transform().Metrics().Sum("penstock_dedup_state_lost_total"),
            pipeline.shards());
  EXPECT_THAT(pipeline.transform().Log(), HasSubstr("has forgotten"));
}

// The disk of the process is as good as the log for going on, and it stays.
TEST_F(DedupTest, ALogThatIsGoneAloneLosesNothing) {
  ExpectRemembered([](PipelineHarness& pipeline) {
    for (std::uint32_t shard = 0; shard < pipeline.shards(); ++shard) {
      const std::string log =
          protocol::StreamName(pipeline.id(), protocol::Hop::kKeys, ShardId(shard));
      ASSERT_TRUE(pipeline.streams().Remove(log).ok());
    }
  });
}

TEST_F(DedupTest, AWindowOfTenSecondsByKafkasTimestamps) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewDedupPipeline(topic, "10s");
  for (const int seconds : {0, 9, 10, 19, 25}) {
    ProduceAt(topic, 0, kNoonMs + 1000 * seconds, {1});
  }
  pipeline.Start();
  pipeline.WaitForRows(3);
  pipeline.WaitForCommits(kafka());
  EXPECT_THAT(
      pipeline.clickhouse().Lines("SELECT offset FROM " + pipeline.table() + " ORDER BY offset"),
      ElementsAre("0", "2", "4"));
}

// Rows of a partition that is an hour behind are compared with those of their own time, also after
// the other partition has moved on by many windows.
TEST_F(DedupTest, APartitionAnHourBehindHasItsWindows) {
  const std::string topic = NewTopic(2);
  PipelineHarness& pipeline = NewDedupPipeline(topic, "10s");
  constexpr std::int64_t kHourMs = 3'600'000;
  pipeline.Start();
  std::uint64_t rows = 0;
  for (int i = 0; i < 8; ++i) {
    const std::int64_t at = kNoonMs + 8000 * i;
    ProduceAt(topic, 0, at, {1, 2, 3});
    ProduceAt(topic, 1, at - kHourMs, {1, 2, 3});
    // Every second one is within the window of the one before.
    rows += i % 2 == 0 ? 6 : 0;
    pipeline.WaitForRows(rows);
    pipeline.WaitForCommits(kafka());
  }
  EXPECT_EQ(pipeline.Rows(), 24U);
  EXPECT_THAT(
      pipeline.clickhouse().Lines("SELECT partition, groupUniqArray(intDiv(offset, 3) % 2) "
                                  "FROM " +
                                  pipeline.table() + " GROUP BY partition ORDER BY partition"),
      ElementsAre("0\t[0]", "1\t[0]"));
}

// The ingestor dies before anything is committed, so all of it comes twice: the second time
// must decide as the first, and the sink, which comes last, gets each key once.
TEST_F(DedupTest, ATopicThatIsReadTwiceGivesTheSameDecisions) {
  const std::string topic = NewTopic(3);
  for (const std::int32_t partition : {0, 1, 2}) {
    ProduceAt(topic, partition, 0, Ids(500 * partition, 500 * partition + 1000));
  }
  PipelineHarness& pipeline = NewDedupPipeline(topic, "1h");
  const auto wait_until_read = [&](double rows) {
    WaitFor("the transform has the rows", [&] {
      return pipeline.transform().Metrics().Sum("penstock_transform_rows_in_total") >= rows;
    });
  };
  pipeline.StartIngestor();
  pipeline.StartTransform();
  wait_until_read(3000);
  pipeline.ingestor().Kill9();
  pipeline.StartIngestor();
  wait_until_read(6000);
  const MetricsPage page = pipeline.transform().Metrics();
  EXPECT_EQ(page.Sum("penstock_transform_rows_duplicate_total"), 2 * 1000);
  pipeline.StartSink();
  pipeline.WaitForRows(2000);
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.Rows(), 2000U);
  EXPECT_EQ(pipeline.clickhouse().Number("SELECT uniqExact(id) FROM " + pipeline.table()), 2000U);
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kDuplicate], 1000U);
}

}  // namespace
}  // namespace penstock::testing
