#include <memory>

#include <gtest/gtest.h>

#include "support/fake_key_value.h"
#include "support/fake_streams.h"
#include "support/stream_conformance.h"

namespace penstock::testing {
namespace {

class FakeWorld {
 public:
  io::Publisher& publisher() { return streams_; }
  io::Streams& streams() { return streams_; }
  std::unique_ptr<io::KeyValue> OpenBucket(const std::string& /*name*/) {
    return std::make_unique<FakeKeyValue>();
  }

 private:
  FakeStreams streams_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Fake, StreamConformance, FakeWorld);

io::StreamConfig Config() {
  io::StreamConfig config;
  config.name = "S";
  config.subjects = {"s"};
  return config;
}

class FakeFaults : public ::testing::Test {
 protected:
  FakeFaults() { EXPECT_TRUE(streams_.Ensure(Config()).ok()); }

  std::string_view Publish(std::string_view data) {
    return CodeOf(streams_.PublishAndWait({"s", data, {}, {}}, std::chrono::seconds(1)));
  }

  FakeStreams streams_;
};

TEST_F(FakeFaults, MeetTheScriptedCallsOnly) {
  streams_.faults().Add({FaultKind::kUnavailable, "Publish", "s", 1, 2});
  EXPECT_EQ(Publish("1"), "ok");
  EXPECT_EQ(Publish("2"), "unavailable");
  EXPECT_EQ(CodeOf(streams_.State("S")), "ok");
  EXPECT_EQ(Publish("3"), "unavailable");
  EXPECT_EQ(Publish("4"), "ok");
  EXPECT_EQ(streams_.Messages("S").size(), 2U);
}

TEST_F(FakeFaults, LostAnswerIsAppliedAndLateOneComesLater) {
  streams_.faults().Add({FaultKind::kLostAnswer, "Publish", "", 0, 1});
  streams_.faults().Add({FaultKind::kLate, "Publish", "", 0, 1});
  EXPECT_EQ(Publish("lost"), "unavailable");
  EXPECT_EQ(Publish("late"), "unavailable");
  EXPECT_EQ(Publish("good"), "ok");
  streams_.ApplyLate();
  const auto messages = streams_.Messages("S");
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(messages[0].data, "lost");
  EXPECT_EQ(messages[1].data, "good");
  EXPECT_EQ(messages[2].data, "late");
}

TEST_F(FakeFaults, AreOfOneClient) {
  FakeStreams other(streams_);
  streams_.faults().Add({FaultKind::kRefused, "", "", 0, -1});
  EXPECT_EQ(Publish("x"), "refused");
  EXPECT_EQ(CodeOf(other.PublishAndWait({"s", "y", {}, {}}, {})), "ok");
  EXPECT_EQ(streams_.Messages("S").size(), 1U);
}

TEST_F(FakeFaults, DiceAreTheSameForTheSameSeed) {
  const auto fates = [](std::uint64_t seed) {
    FaultScript script;
    script.Roll(seed, 0.3, 0.3);
    std::vector<FaultKind> drawn;
    for (int i = 0; i < 50; ++i) drawn.push_back(script.Next("Publish", "s"));
    return drawn;
  };
  EXPECT_EQ(fates(7), fates(7));
  EXPECT_NE(fates(7), fates(8));
}

TEST_F(FakeFaults, HeldAnswersAreReleasedInOrder) {
  streams_.HoldAnswers();
  std::vector<std::uint64_t> acked;
  for (int i = 0; i < 3; ++i) {
    streams_.Publish({"s", "x", {}, {}}, {}, [&](Result<io::PublishAck> ack) {
      acked.push_back(std::move(ack).value().seq.rep());
    });
  }
  EXPECT_TRUE(acked.empty());
  EXPECT_EQ(streams_.Messages("S").size(), 3U);
  EXPECT_EQ(streams_.ReleaseAnswers(), 3U);
  EXPECT_EQ(acked, (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST_F(FakeFaults, ReaderNoticesALostTail) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Publish("x"), "ok");
  auto reader = streams_.ReadFrom("S", StreamSeq(1));
  ASSERT_EQ(reader->Read(1'000, {}, {}).value().size(), 3U);
  streams_.LoseTail("S", StreamSeq(2));
  EXPECT_EQ(CodeOf(reader->Read(1'000, {}, {})), "not_found");
  EXPECT_EQ(streams_.State("S").value().last, StreamSeq(2));
}

TEST(FakeKeyValueFaults, WritesAreLostOrLate) {
  FakeKeyValue bucket;
  bucket.faults().Add({FaultKind::kLostAnswer, "Create", "k", 0, 1});
  EXPECT_EQ(CodeOf(bucket.Create("k", "1")), "unavailable");
  const auto entry = bucket.Get("k");
  ASSERT_TRUE(entry.value().has_value());
  bucket.faults().Add({FaultKind::kLate, "Update", "k", 0, 1});
  EXPECT_EQ(CodeOf(bucket.Update("k", "late", entry.value()->revision)), "unavailable");
  EXPECT_EQ(bucket.Values().at("k"), "1");
  bucket.ApplyLate();
  EXPECT_EQ(bucket.Values().at("k"), "late");
}

TEST(FakeKeyValueFaults, WatchByHandTellsInTheCallersThread) {
  FakeKeyValue bucket(FakeKeyValue::Telling::kByHand);
  ChangeLog log;
  const auto watch = bucket.WatchPrefix("a.", log.Callback());
  ASSERT_TRUE(bucket.Create("a.1", "x").ok());
  EXPECT_TRUE(log.changes().empty());
  bucket.TellWatches();
  EXPECT_EQ(log.changes(), (std::vector<ChangeLog::Change>{{"a.1", "x"}}));
  bucket.LoseAll();
  bucket.TellWatches();
  EXPECT_EQ(log.changes().back(), (ChangeLog::Change{"a.1", std::nullopt}));
}

}  // namespace
}  // namespace penstock::testing
