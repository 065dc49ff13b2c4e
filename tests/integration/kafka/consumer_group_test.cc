// A consumer group of a real Kafka, seen from outside.

#include "kafka/consumer_group.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "kafka/kafka_source.h"
#include "support/kafka_admin.h"

namespace penstock::testing {
namespace {

class ConsumerGroupTest : public ::testing::Test {
 protected:
  ConsumerGroupTest() : admin_(KafkaBrokers()), topic_(UniqueName("group")) {
    admin_.CreateTopic(topic_, 2);
    connection_.brokers = {KafkaBrokers()};
  }
  ~ConsumerGroupTest() override { admin_.DeleteTopic(topic_); }

  std::unique_ptr<io::ConsumerGroup> Open() {
    auto group = kafka::OpenConsumerGroup(connection_, topic_, topic_);
    if (!group.ok()) throw std::runtime_error(group.error().detail);
    return std::move(group).value();
  }
  static Clock::Time Soon() { return SystemClock().Now() + std::chrono::seconds(20); }

  KafkaAdmin admin_;
  std::string topic_;
  KafkaConnection connection_;
};

TEST_F(ConsumerGroupTest, OffsetsOfAGroupWithoutMembersCanBeSet) {
  const auto group = Open();
  EXPECT_TRUE(group->Members(Soon()).value().empty()) << "of a group that nobody has heard of";
  constexpr std::array<std::int32_t, 2> kPartitions{0, 1};
  EXPECT_FALSE(group->Committed(kPartitions, Soon()).value()[0].has_value());
  const std::vector<io::OffsetToCommit> wanted{{.partition = 1, .next = Offset(7), .metadata = ""}};
  const Status set = group->SetCommitted(wanted, Soon());
  ASSERT_TRUE(set.ok()) << set.error().detail;
  const auto committed = group->Committed(kPartitions, Soon()).value();
  EXPECT_FALSE(committed[0].has_value());
  ASSERT_TRUE(committed[1].has_value());
  EXPECT_EQ(committed[1]->next, Offset(7));
  EXPECT_EQ(committed[1]->metadata, "");
}

TEST_F(ConsumerGroupTest, AMemberIsNamedAndKeepsOthersFromCommitting) {
  auto opened = kafka::OpenKafkaSource({.connection = connection_,
                                        .topic = topic_,
                                        .group = topic_,
                                        .client_id = "reader-3",
                                        .log = {}});
  ASSERT_TRUE(opened.ok());
  const std::unique_ptr<io::RecordSource> source = std::move(opened).value();
  const Clock::Time deadline = Soon();
  bool assigned = false;
  while (!assigned && SystemClock().Now() < deadline) {
    for (const io::SourceEvent& event :
         source->Poll(SystemClock().Now() + std::chrono::milliseconds(100))) {
      assigned |= std::holds_alternative<io::Assigned>(event);
    }
  }
  ASSERT_TRUE(assigned);
  const auto group = Open();
  const auto members = group->Members(Soon());
  ASSERT_TRUE(members.ok()) << members.error().detail;
  ASSERT_EQ(members.value().size(), 1U);
  EXPECT_EQ(members.value()[0].client_id, "reader-3");
  EXPECT_NE(members.value()[0].host, "");
  const std::vector<io::OffsetToCommit> wanted{{.partition = 0, .next = Offset(7), .metadata = ""}};
  const Status set = group->SetCommitted(wanted, Soon());
  ASSERT_FALSE(set.ok());
  EXPECT_EQ(set.error().code, "refused_commit") << set.error().detail;
  source->Close();
}

}  // namespace
}  // namespace penstock::testing
