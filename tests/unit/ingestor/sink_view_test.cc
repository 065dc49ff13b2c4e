#include "ingestor/sink_view.h"

#include <gtest/gtest.h>

#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "support/fake_key_value.h"

namespace penstock::ingestor {
namespace {

using testing::FakeKeyValue;

constexpr std::uint32_t kShards = 3;

class SinkViewTest : public ::testing::Test {
 protected:
  void Start(std::optional<JoinCommit> join) {
    view_.emplace(bucket_, kShards, "orders", tracker_, SystemClock(), join);
    ASSERT_TRUE(view_->Start({}).ok());
    // One section in each of the shards: 0 to 9, 10 to 19, 20 to 29.
    stay_ = tracker_.Start(
        {.origin = {"orders", "t", 4, 1, 1}, .committed = {Offset(0)}, .read_from = Offset(0)});
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      tracker_.Open(stay_, ShardId(shard), Offset(shard * 10));
      tracker_.Seal(stay_, ShardId(shard), Offset(shard * 10 + 9), At(shard + 1));
    }
    tracker_.Advance(stay_, {Offset(30)});
  }

  static Position At(std::uint64_t seq) { return {.created_ns = 1, .seq = StreamSeq(seq)}; }

  static TakenIn Taken(ShardId writer, std::int64_t now, std::int64_t settled = -1) {
    TakenIn taken;
    taken.origin = {"orders", "t", 4, 1, 1};
    taken.writer = writer;
    taken.now.last = Offset(now);
    taken.settled.last = Offset(settled);
    return taken;
  }

  /// What the shard's sink has confirmed of the join.
  void Write(std::uint32_t shard, std::vector<TakenIn> taken, Position position = {}) {
    const std::string key = protocol::ShardRecordKey(ShardId(shard));
    const auto entry = bucket_.Get(key).value().value();
    ShardRecord record = protocol::DecodeShardRecord(entry.value).value();
    record.join.emplace();
    record.join->right.taken = std::move(taken);
    record.join->right.position = position;
    // A joined row of a step that is beyond any offset proves nothing about a source.
    record.progress[JoinOrigin(ShardId(shard))].confirmed = Offset(1000);
    ASSERT_TRUE(bucket_.Update(key, protocol::EncodeShardRecord(record), entry.revision).ok());
    bucket_.TellWatches();
  }
  std::int64_t Committable() { return tracker_.Committable(4)->next.rep(); }

  FakeKeyValue bucket_{FakeKeyValue::Telling::kByHand};
  CommitTracker tracker_{kShards};
  CommitTracker::Stay stay_;
  std::optional<SinkView> view_;
};

TEST_F(SinkViewTest, WithoutAJoinTheProgressCounts) {
  Start(std::nullopt);
  const std::string key = protocol::ShardRecordKey(ShardId(0));
  ShardRecord record;
  record.progress[{"orders", "t", 4, 1, 1}].confirmed = Offset(9);
  const auto revision = bucket_.Get(key).value()->revision;
  ASSERT_TRUE(bucket_.Update(key, protocol::EncodeShardRecord(record), revision).ok());
  bucket_.TellWatches();
  EXPECT_EQ(Committable(), 10);
}

// The sink has come past a message of ours and has not taken its rows.
TEST_F(SinkViewTest, WhatTheSinkHasPassedAndNotTakenIsLost) {
  Start(std::nullopt);
  const std::string key = protocol::ShardRecordKey(ShardId(1));
  ShardRecord record = protocol::DecodeShardRecord(bucket_.Get(key).value()->value).value();
  const auto write = [&] {
    const auto revision = bucket_.Get(key).value()->revision;
    ASSERT_TRUE(bucket_.Update(key, protocol::EncodeShardRecord(record), revision).ok());
    bucket_.TellWatches();
  };
  record.position = At(1);
  write();
  record.position = {.created_ns = 7, .seq = StreamSeq(20), .digest = 0};
  write();
  EXPECT_TRUE(tracker_.TakeLost().empty()) << "not that far, or in another stream";
  // With a transform its own position is in another stream than our messages.
  record.input = At(1);
  write();
  EXPECT_TRUE(tracker_.TakeLost().empty());
  record.input = At(2);
  write();
  const auto lost = tracker_.TakeLost();
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().partition, 4);
  EXPECT_EQ(lost.front().reason, LossReason::kPassed);
  EXPECT_TRUE(tracker_.TakeLost().empty()) << "said once";
}

TEST_F(SinkViewTest, WhatTheJoinHasPassedAndNotTakenIsLost) {
  Start(JoinCommit{.left = false});
  Write(0, {Taken(ShardId(0), 9)});
  EXPECT_TRUE(tracker_.TakeLost().empty());
  Write(1, {Taken(ShardId(1), 15)}, At(2));
  EXPECT_EQ(tracker_.TakeLost().size(), 1U);
}

TEST_F(SinkViewTest, ARecordMadeAnewTakesBackWhatWasConfirmed) {
  Start(std::nullopt);
  const std::string key = protocol::ShardRecordKey(ShardId(0));
  ShardRecord record = protocol::DecodeShardRecord(bucket_.Get(key).value()->value).value();
  record.progress[{"orders", "t", 4, 1, 1}].confirmed = Offset(5);
  ++record.birth;
  ASSERT_TRUE(
      bucket_.Update(key, protocol::EncodeShardRecord(record), bucket_.Get(key).value()->revision)
          .ok());
  bucket_.TellWatches();
  const auto lost = tracker_.TakeLost();
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.front().reason, LossReason::kRecord);
  EXPECT_EQ(tracker_.Confirmed({"orders", "t", 4, 1, 1}, ShardId(0)), Offset(5));
}

TEST_F(SinkViewTest, ARecordIsDoneWhenItsShardsJoinHasTakenItIn) {
  Start(JoinCommit{});
  Write(0, {Taken(ShardId(0), 8), Taken(ShardId(1), 19)});
  EXPECT_EQ(Committable(), 0) << "not to its end, and of another writer";
  Write(0, {Taken(ShardId(0), 9)});
  EXPECT_EQ(Committable(), 10);
  Write(2, {Taken(ShardId(2), 29)});
  Write(1, {Taken(ShardId(1), 25)});
  EXPECT_EQ(Committable(), 30);
}

TEST_F(SinkViewTest, ShuffledRecordsAreDoneWhenEveryShardHasTheirMessage) {
  Start(JoinCommit{.shuffled = true});
  Write(0, {Taken(ShardId(0), 9), Taken(ShardId(1), 19)});
  Write(1, {Taken(ShardId(0), 9), Taken(ShardId(1), 19)});
  EXPECT_EQ(Committable(), 0) << "one shard has not said anything";
  Write(2, {Taken(ShardId(0), 8), Taken(ShardId(1), 19)});
  EXPECT_EQ(Committable(), 0) << "one shard is behind";
  Write(2, {Taken(ShardId(0), 9), Taken(ShardId(1), 19)});
  EXPECT_EQ(Committable(), 20);
}

TEST_F(SinkViewTest, TheCommitMayWaitForTheWindow) {
  Start(JoinCommit{.after_window = true});
  Write(0, {Taken(ShardId(0), 9, 5)});
  EXPECT_EQ(Committable(), 0);
  Write(0, {Taken(ShardId(0), 9, 9)});
  EXPECT_EQ(Committable(), 10);
}

TEST_F(SinkViewTest, AnotherSourcesRecordsDoNotCount) {
  Start(JoinCommit{});
  TakenIn other = Taken(ShardId(0), 9);
  other.origin.source_id = "refunds";
  Write(0, {other});
  EXPECT_EQ(Committable(), 0);
}

// Law: with a shuffle, what may be committed never passes a record that some shard has not taken
// in.
TEST_F(SinkViewTest, TheSlowestShardHoldsAShuffleBack) {
  Start(JoinCommit{.shuffled = true});
  std::mt19937_64 random(3);
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> taken;  // By shard and writer.
  for (int round = 0; round < 300; ++round) {
    const auto shard = static_cast<std::uint32_t>(random() % kShards);
    std::vector<TakenIn> all;
    for (std::uint32_t writer = 0; writer < kShards; ++writer) {
      std::int64_t& last = taken.try_emplace({shard, writer}, -1).first->second;
      last =
          std::min<std::int64_t>(writer * 10 + 9, last + static_cast<std::int64_t>(random() % 4));
      if (last >= 0) all.push_back(Taken(ShardId(writer), last));
    }
    Write(shard, all);
    std::int64_t most = 30;
    for (std::uint32_t writer = 0; writer < kShards; ++writer) {
      for (std::uint32_t of = 0; of < kShards; ++of) {
        const auto known = taken.find({of, writer});
        const std::int64_t last = known == taken.end() ? -1 : known->second;
        if (last < writer * 10 + 9) most = std::min<std::int64_t>(most, writer * 10);
      }
    }
    ASSERT_EQ(Committable(), most);
  }
}

}  // namespace
}  // namespace penstock::ingestor
