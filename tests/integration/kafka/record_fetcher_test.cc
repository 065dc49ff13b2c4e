// Single records of a real Kafka by their place.

#include "kafka/record_fetcher.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/kafka_admin.h"

namespace penstock::testing {
namespace {

class RecordFetcherTest : public ::testing::Test {
 protected:
  RecordFetcherTest() : admin_(KafkaBrokers()), topic_(UniqueName("fetch")) {
    admin_.CreateTopic(topic_, 2);
    for (const std::int32_t partition : {0, 1}) {
      admin_.Produce(topic_, partition,
                     {{.key = "a", .value = fmt::format("{}-0", partition)},
                      {.key = "b", .value = fmt::format("{}-1", partition)},
                      {.key = "c", .value = fmt::format("{}-2", partition)}});
    }
  }
  ~RecordFetcherTest() override { admin_.DeleteTopic(topic_); }

  std::unique_ptr<io::RecordFetcher> Open() {
    KafkaConnection connection;
    connection.brokers = {KafkaBrokers()};
    auto fetcher = kafka::OpenRecordFetcher(connection, topic_);
    if (!fetcher.ok()) throw std::runtime_error(fetcher.error().detail);
    return std::move(fetcher).value();
  }
  static std::string Fetch(io::RecordFetcher& fetcher, std::int32_t partition,
                           std::int64_t offset) {
    const auto chunk =
        fetcher.Fetch(partition, Offset(offset), SystemClock().Now() + std::chrono::seconds(20));
    if (!chunk.ok()) return chunk.error().detail;
    if (chunk.value() == nullptr) return "gone";
    EXPECT_EQ(chunk.value()->records().size(), 1U);
    EXPECT_EQ(chunk.value()->partition(), partition);
    EXPECT_EQ(chunk.value()->records()[0].offset, Offset(offset));
    return std::string(chunk.value()->records()[0].value);
  }

  static std::vector<std::int64_t> Scan(io::RecordFetcher& fetcher, const io::OffsetRange& range) {
    std::vector<std::int64_t> offsets;
    const Status scanned = fetcher.Scan(range, std::chrono::seconds(20), {},
                                        [&](Offset offset) { offsets.push_back(offset.rep()); });
    EXPECT_TRUE(scanned.ok()) << scanned.error().detail;
    return offsets;
  }

  KafkaAdmin admin_;
  std::string topic_;
};

TEST_F(RecordFetcherTest, GivesTheRecordThatIsAskedForInAnyOrder) {
  const auto fetcher = Open();
  EXPECT_EQ(Fetch(*fetcher, 1, 2), "1-2");
  EXPECT_EQ(Fetch(*fetcher, 0, 0), "0-0");
  EXPECT_EQ(Fetch(*fetcher, 0, 1), "0-1");
  EXPECT_EQ(Fetch(*fetcher, 1, 0), "1-0");
}

TEST_F(RecordFetcherTest, SaysThatARecordIsGone) {
  admin_.DeleteRecords(topic_, 0, Offset(2));
  const auto fetcher = Open();
  EXPECT_EQ(Fetch(*fetcher, 0, 1), "gone") << "deleted";
  EXPECT_EQ(Fetch(*fetcher, 0, 2), "0-2");
  EXPECT_EQ(Fetch(*fetcher, 0, 3), "gone") << "behind the end";
  EXPECT_EQ(Fetch(*fetcher, 1, 99), "gone") << "far behind the end";
}

TEST_F(RecordFetcherTest, AScanFindsTheRecordsOfARange) {
  const auto fetcher = Open();
  const io::OffsetRange middle{.partition = 0, .from = Offset(1), .to = Offset(2)};
  EXPECT_EQ(Scan(*fetcher, middle), std::vector<std::int64_t>{1});
  const io::OffsetRange beyond{.partition = 1, .from = Offset(0), .to = Offset(99)};
  EXPECT_EQ(Scan(*fetcher, beyond), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(Scan(*fetcher, middle), std::vector<std::int64_t>{1}) << "in any order";
  admin_.DeleteRecords(topic_, 1, Offset(2));
  EXPECT_EQ(Scan(*fetcher, beyond), std::vector<std::int64_t>{2}) << "from what is still there";
}

TEST_F(RecordFetcherTest, AScanLeavesOutWhatIsNoRecord) {
  KafkaProducer producer(KafkaBrokers(), {{"transactional.id", topic_}});
  for (const bool commit : {false, true}) {
    producer.BeginTransaction();
    producer.Send(topic_, 0, {.key = "d", .value = "in a transaction"});
    commit ? producer.CommitTransaction() : producer.AbortTransaction();
  }
  // 3 was aborted, 4 and 6 are the ends of the transactions.
  EXPECT_EQ(Scan(*Open(), {.partition = 0, .from = Offset(0), .to = Offset(7)}),
            (std::vector<std::int64_t>{0, 1, 2, 5}));
}

}  // namespace
}  // namespace penstock::testing
