// Single records of a real Kafka by their place.

#include "kafka/record_fetcher.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

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

}  // namespace
}  // namespace penstock::testing
