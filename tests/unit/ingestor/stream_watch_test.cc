#include "ingestor/stream_watch.h"

#include <gtest/gtest.h>

#include "support/fake_streams.h"

namespace penstock::ingestor {
namespace {

constexpr auto kStream = "PENSTOCK-orders-in-0";

class StreamWatchTest : public ::testing::Test {
 protected:
  StreamWatchTest() {
    watch_.Look();
    watch_.Look();
    stay_ = tracker_.Start(
        {.origin = {"s", "t", 0, 1, 1}, .committed = {Offset(0)}, .read_from = Offset(0)});
    Publish(0);
    Publish(10);
    watch_.Look();
    EXPECT_TRUE(tracker_.TakeLost().empty());
  }
  // Ten records from `first` on.
  void Publish(std::int64_t first) {
    tracker_.Open(stay_, ShardId(0), Offset(first));
    const auto ack = streams_.PublishAndWait(
        {.subject = "in.0", .data = "batch", .expected_last = {}, .message_id = {}}, {});
    ASSERT_TRUE(ack.ok());
    watch_.Acknowledged(ShardId(0), ack.value().seq);
    tracker_.Seal(stay_, ShardId(0), Offset(first + 9),
                  {.created_ns = watch_.CreatedNs(ShardId(0)), .seq = ack.value().seq});
  }
  bool Lost() {
    const auto lost = tracker_.TakeLost();
    return lost.size() == 1 && lost.front().reason == LossReason::kStream;
  }

  testing::FakeStreams streams_;
  CommitTracker tracker_{1};
  CommitTracker::Stay stay_;
  Metrics registry_;
  IngestorMetrics metrics_{registry_, "s", "t"};
  StreamWatch watch_{{{.name = kStream, .subjects = {"in.0"}, .max_bytes = 1 << 20}},
                     {.name = "dlq", .subjects = {"dlq.*"}},
                     {.streams = streams_, .tracker = tracker_, .metrics = metrics_}};
};

TEST_F(StreamWatchTest, AStreamThatIsGoneIsMadeAgainAndItsRowsAreLost) {
  const std::int64_t created = watch_.CreatedNs(ShardId(0));
  ASSERT_TRUE(streams_.Remove(kStream).ok());
  ASSERT_TRUE(streams_.Remove("dlq").ok());
  watch_.Look();
  EXPECT_FALSE(streams_.State(kStream).ok()) << "not at once";
  watch_.Look();
  EXPECT_TRUE(Lost());
  EXPECT_TRUE(streams_.State(kStream).ok());
  EXPECT_TRUE(streams_.State("dlq").ok());
  EXPECT_NE(watch_.CreatedNs(ShardId(0)), created);
  watch_.Look();
  EXPECT_TRUE(tracker_.TakeLost().empty()) << "said once";
}

TEST_F(StreamWatchTest, AStreamThatHasLostItsEndHasLostRows) {
  streams_.LoseTail(kStream, StreamSeq(1));
  watch_.Look();
  EXPECT_TRUE(Lost());
}

// Between two looks it lost its end and was filled again by somebody else.
TEST_F(StreamWatchTest, WhatWasAcknowledgedAndNotSeenCounts) {
  Publish(20);
  streams_.LoseTail(kStream, StreamSeq(2));
  watch_.Look();
  EXPECT_TRUE(Lost());
}

TEST_F(StreamWatchTest, WhatTheSinkHasConfirmedIsNotLost) {
  tracker_.Confirm({"s", "t", 0, 1, 1}, ShardId(0), Offset(19));
  ASSERT_TRUE(streams_.Remove(kStream).ok());
  watch_.Look();
  watch_.Look();
  EXPECT_TRUE(tracker_.TakeLost().empty());
}

TEST_F(StreamWatchTest, AServerThatDoesNotAnswerProvesNothing) {
  streams_.faults().Add(
      {.kind = testing::FaultKind::kUnavailable, .operation = "State", .about = {}});
  watch_.Look();
  watch_.Look();
  EXPECT_TRUE(tracker_.TakeLost().empty());
}

}  // namespace
}  // namespace penstock::ingestor
