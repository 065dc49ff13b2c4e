#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kafka/kafka_source.h"
#include "mock_kafka.h"

namespace penstock::testing {
namespace {

constexpr std::int16_t kFetch = 1;
constexpr std::int16_t kOffsetCommit = 8;
constexpr std::int16_t kOffsetFetch = 9;

Clock::Time In(Clock::Duration duration) {
  return SystemClock().Now() + duration;
}

class GroupConsumerOnMock : public ::testing::Test {
 protected:
  void SetUp() override {
    mock_.CreateTopic("topic", 2);
    kafka::SourceOptions options;
    options.connection.brokers = {mock_.brokers()};
    options.topic = "topic";
    options.group = "group";
    options.client_id = "test";
    auto source = kafka::OpenKafkaSource(std::move(options));
    ASSERT_TRUE(source.ok()) << source.error().detail;
    source_ = std::move(source).value();
  }

  /// Polls until an event of this type comes.
  template <typename Event>
  std::optional<Event> Next() {
    for (const Clock::Time deadline = In(std::chrono::seconds(20));
         SystemClock().Now() < deadline;) {
      for (io::SourceEvent& event : source_->Poll(In(std::chrono::milliseconds(50)))) {
        if (auto* wanted = std::get_if<Event>(&event)) return std::move(*wanted);
      }
    }
    return std::nullopt;
  }

  Status CommitOne() {
    const io::OffsetToCommit offset{.partition = 0, .next = Offset(5), .metadata = "m"};
    return source_->Commit(std::span(&offset, 1), In(std::chrono::seconds(10)));
  }

  MockKafka mock_;
  std::unique_ptr<io::RecordSource> source_;
};

TEST_F(GroupConsumerOnMock, CommitsAndReadsBackWithMetadata) {
  ASSERT_TRUE(Next<io::Assigned>());
  const Status committed = CommitOne();
  ASSERT_TRUE(committed.ok()) << committed.error().detail;
  const std::vector<std::int32_t> both = {0, 1};
  const auto read = source_->Committed(both, In(std::chrono::seconds(10)));
  ASSERT_TRUE(read.ok()) << read.error().detail;
  EXPECT_EQ(read.value()[0]->next, Offset(5));
  EXPECT_EQ(read.value()[0]->metadata, "m");
  EXPECT_FALSE(read.value()[1].has_value());
}

TEST_F(GroupConsumerOnMock, TellsRefusedCommitsFromOthers) {
  ASSERT_TRUE(Next<io::Assigned>());
  mock_.FailNext(kOffsetCommit, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
  EXPECT_EQ(CommitOne().error().code, "refused_commit");
  mock_.FailNext(kOffsetCommit, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
  const Status forbidden = CommitOne();
  EXPECT_EQ(forbidden.error().code, "not_authorized");
  EXPECT_EQ(forbidden.error().remedy, Remedy::kStop);
  EXPECT_THAT(forbidden.error().detail, ::testing::HasSubstr("group 'group'"));
  EXPECT_TRUE(CommitOne().ok());
  // The group has thrown us out: so says the answer, and so says the event that follows.
  mock_.FailNext(kOffsetCommit, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
  const Status stale = CommitOne();
  EXPECT_EQ(stale.error().code, "refused_commit");
  EXPECT_EQ(stale.error().remedy, Remedy::kRetry);
  const auto revoked = Next<io::Revoked>();
  ASSERT_TRUE(revoked);
  EXPECT_TRUE(revoked->lost);
  EXPECT_EQ(CommitOne().error().code, "refused_commit") << "not ours any more";
  EXPECT_TRUE(Next<io::Assigned>()) << "it joins again by itself";
}

TEST_F(GroupConsumerOnMock, ACommitWithoutAnswerEndsAtItsDeadline) {
  ASSERT_TRUE(Next<io::Assigned>());
  mock_.FailNext(kOffsetCommit, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 100);
  const io::OffsetToCommit offset{.partition = 0, .next = Offset(5), .metadata = {}};
  const Clock::Time start = SystemClock().Now();
  const Status failed = source_->Commit(std::span(&offset, 1), In(std::chrono::milliseconds(200)));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, "unavailable");
  EXPECT_LT(SystemClock().Now() - start, std::chrono::seconds(2));
}

TEST_F(GroupConsumerOnMock, SaysThatTheTopicMayNotBeRead) {
  ASSERT_TRUE(Next<io::Assigned>());
  mock_.FailNext(kFetch, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 3);
  const io::OffsetToCommit start{.partition = 0, .next = Offset(0), .metadata = {}};
  ASSERT_TRUE(source_->StartReading(std::span(&start, 1)).ok());
  const auto trouble = Next<io::SourceTrouble>();
  ASSERT_TRUE(trouble);
  EXPECT_EQ(trouble->error.code, "not_authorized") << trouble->error.detail;
  EXPECT_EQ(trouble->error.remedy, Remedy::kStop);
  EXPECT_THAT(trouble->error.detail, ::testing::HasSubstr("'topic'"));
}

TEST_F(GroupConsumerOnMock, CommittedOffsetsThatMayNotBeReadAreAnError) {
  ASSERT_TRUE(Next<io::Assigned>());
  mock_.FailNext(kOffsetFetch, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
  const std::int32_t partition = 0;
  const auto read = source_->Committed(std::span(&partition, 1), In(std::chrono::seconds(10)));
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, "not_authorized");
}

}  // namespace
}  // namespace penstock::testing
