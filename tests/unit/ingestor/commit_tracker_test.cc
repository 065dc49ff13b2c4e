#include "ingestor/commit_tracker.h"

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock::ingestor {
namespace {

Origin OriginOf(std::int32_t partition, std::uint32_t incarnation = 1) {
  return {"s", "t", partition, 1, incarnation};
}

CommitTracker::Beginning From(std::int32_t partition, std::int64_t committed) {
  return {.origin = OriginOf(partition),
          .committed = {Offset(committed)},
          .read_from = Offset(committed)};
}

Offset Committable(CommitTracker& tracker) {
  return tracker.Committable(0)->next;
}

TEST(CommitTrackerTest, WaitsForJetStreamAndForTheSink) {
  CommitTracker tracker(2);
  const auto stay = tracker.Start(From(0, 10));
  EXPECT_EQ(Committable(tracker), Offset(10));
  tracker.Open(stay, ShardId(1), Offset(10));
  tracker.Advance(stay, {Offset(20)});
  EXPECT_EQ(Committable(tracker), Offset(10)) << "published by nobody";
  tracker.Seal(stay, ShardId(1), Offset(19), {});
  EXPECT_EQ(Committable(tracker), Offset(10)) << "confirmed by nobody";
  tracker.Confirm(OriginOf(0), ShardId(1), Offset(18));
  EXPECT_EQ(Committable(tracker), Offset(10)) << "not to its end";
  tracker.Confirm(OriginOf(0), ShardId(1), Offset(19));
  EXPECT_EQ(Committable(tracker), Offset(20));
}

// Another shard far ahead proves nothing about a slow one.
TEST(CommitTrackerTest, TheSlowestShardHoldsItBack) {
  CommitTracker tracker(2);
  const auto stay = tracker.Start(From(0, 0));
  tracker.Open(stay, ShardId(0), Offset(0));
  tracker.Open(stay, ShardId(1), Offset(100));
  tracker.Advance(stay, {Offset(200)});
  tracker.Seal(stay, ShardId(0), Offset(99), {});
  tracker.Seal(stay, ShardId(1), Offset(199), {});
  tracker.Confirm(OriginOf(0), ShardId(1), Offset(199));
  EXPECT_EQ(Committable(tracker), Offset(0));
  tracker.Confirm(OriginOf(0), ShardId(0), Offset(99));
  EXPECT_EQ(Committable(tracker), Offset(200));
}

TEST(CommitTrackerTest, AnEarlierStayCannotDisturbThePresentOne) {
  CommitTracker tracker(1);
  const auto old = tracker.Start(From(0, 0));
  tracker.Open(old, ShardId(0), Offset(0));
  tracker.Remove(0);
  EXPECT_FALSE(tracker.Committable(0));
  const auto present = tracker.Start(From(0, 5));
  tracker.Open(present, ShardId(0), Offset(5));
  tracker.Advance(old, {Offset(1000)});
  tracker.Seal(old, ShardId(0), Offset(3), {});
  tracker.Confirm(OriginOf(0), ShardId(0), Offset(3));
  EXPECT_EQ(Committable(tracker), Offset(5));
}

Position At(std::uint64_t seq) {
  return {.created_ns = 1, .seq = StreamSeq(seq), .digest = seq};
}

// What an earlier owner has published holds the commit back until the sink has it.
TEST(CommitTrackerTest, WhatWasPublishedBeforeTheStayCounts) {
  CommitTracker tracker(3);
  tracker.Confirm(OriginOf(0), ShardId(0), Offset(14));
  tracker.Confirm(OriginOf(0), ShardId(2), Offset(60));
  CommitTracker::Beginning beginning = From(0, 10);
  beginning.committed.before = RecordMark{Offset(9), 5};
  beginning.read_from = Offset(50);
  beginning.published = {{ShardId(0), Offset(40), At(7)},
                         {ShardId(1), Offset(49), At(8)},
                         {ShardId(2), Offset(45), At(9)}};
  tracker.Start(beginning);
  EXPECT_EQ(Committable(tracker), Offset(10)) << "shard 1 has nothing yet";
  tracker.Confirm(OriginOf(0), ShardId(1), Offset(30));
  EXPECT_EQ(Committable(tracker), Offset(15)) << "the end of what shard 0 has";
  tracker.Confirm(OriginOf(0), ShardId(0), Offset(40));
  EXPECT_EQ(Committable(tracker), Offset(31));
  tracker.Confirm(OriginOf(0), ShardId(1), Offset(49));
  EXPECT_EQ(Committable(tracker), Offset(50));
}

TEST(CommitTrackerTest, AnotherIncarnationsProgressProvesNothing) {
  CommitTracker tracker(1);
  tracker.Confirm(OriginOf(0, 1), ShardId(0), Offset(100));
  CommitTracker::Beginning beginning = From(0, 10);
  beginning.origin.incarnation = 2;
  const auto stay = tracker.Start(beginning);
  tracker.Open(stay, ShardId(0), Offset(10));
  tracker.Advance(stay, {Offset(20)});
  tracker.Seal(stay, ShardId(0), Offset(19), At(1));
  EXPECT_EQ(Committable(tracker), Offset(10));
  tracker.Confirm(OriginOf(0, 1), ShardId(0), Offset(200));
  EXPECT_EQ(Committable(tracker), Offset(10));
}

TEST(CommitTrackerTest, TheRecordSaysWhatIsPublishedAndTheMarkWhatPrecedesTheCommit) {
  CommitTracker tracker(2);
  const auto stay = tracker.Start(From(0, 0));
  tracker.Open(stay, ShardId(0), Offset(0));
  tracker.Open(stay, ShardId(1), Offset(10), RecordMark{Offset(9), 90});
  tracker.Advance(stay, {Offset(30), RecordMark{Offset(29), 290}});
  tracker.Seal(stay, ShardId(0), Offset(29), At(4));
  EXPECT_EQ(tracker.Record(0)->published, Offset(10)) << "shard 1 has an open batch";
  tracker.Confirm(OriginOf(0), ShardId(0), Offset(29));
  const CommitTracker::Place place = *tracker.Committable(0);
  EXPECT_EQ(place, (CommitTracker::Place{Offset(10), RecordMark{Offset(9), 90}}));
  tracker.Committed(0, place);
  tracker.Seal(stay, ShardId(1), Offset(19), At(5));
  const OriginRecord record = *tracker.Record(0);
  EXPECT_EQ(record.committed, Offset(10));
  EXPECT_EQ(record.mark, (CommitMark{1, 1, RecordMark{Offset(9), 90}}));
  EXPECT_EQ(record.published, Offset(30));
  EXPECT_EQ(record.shards, (std::vector<PublishedInShard>{{ShardId(0), Offset(29), At(4)},
                                                          {ShardId(1), Offset(19), At(5)}}));
}

TEST(CommitTrackerTest, AnAcknowledgementThatComesAfterTheReaderHasPassedIsALoss) {
  CommitTracker tracker(1);
  const auto stay = tracker.Start(From(0, 0));
  tracker.Open(stay, ShardId(0), Offset(0));
  tracker.Passed(ShardId(0), At(6));
  EXPECT_TRUE(tracker.TakeLost().empty());
  tracker.Seal(stay, ShardId(0), Offset(9), At(6));
  EXPECT_EQ(tracker.TakeLost().size(), 1U);
}

// The server had not told yet which stream it is, as the message was acknowledged.
TEST(CommitTrackerTest, AMessageInAStreamThatIsNotKnownIsPassedByItsNumber) {
  CommitTracker tracker(1);
  const auto stay = tracker.Start(From(0, 0));
  tracker.Open(stay, ShardId(0), Offset(0));
  tracker.Seal(stay, ShardId(0), Offset(9), {.created_ns = 0, .seq = StreamSeq(2)});
  tracker.Passed(ShardId(0), At(1));
  EXPECT_TRUE(tracker.TakeLost().empty());
  tracker.Passed(ShardId(0), At(2));
  EXPECT_EQ(tracker.TakeLost().size(), 1U);
}

// Law: what may be committed never passes a record that is not confirmed, and reaches the end once
// all are. Against a model that knows the fate of each offset.
TEST(CommitTrackerTest, NeverPassesWhatIsNotConfirmed) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    constexpr std::uint32_t kShards = 4;
    CommitTracker tracker(kShards);
    const auto stay = tracker.Start(From(0, 0));
    std::set<std::int64_t> unconfirmed;
    struct Shard {
      std::int64_t open_first = -1;
      std::vector<std::int64_t> open;
      std::vector<std::int64_t> sealed;
    };
    std::map<std::uint32_t, Shard> shards;
    std::int64_t next = 0;
    const auto check = [&] {
      const std::int64_t limit = unconfirmed.empty() ? next : *unconfirmed.begin();
      ASSERT_LE(tracker.Committable(0)->next.rep(), limit);
    };
    for (int step = 0; step < 400; ++step) {
      const auto number = static_cast<std::uint32_t>(random() % kShards);
      Shard& shard = shards[number];
      switch (random() % 3) {
        case 0:
          if (shard.open.empty()) tracker.Open(stay, ShardId(number), Offset(next));
          shard.open.push_back(next);
          unconfirmed.insert(next);
          tracker.Advance(stay, {Offset(++next)});
          break;
        case 1:
          if (shard.open.empty()) break;
          tracker.Seal(stay, ShardId(number), Offset(shard.open.back()), {});
          shard.sealed.insert(shard.sealed.end(), shard.open.begin(), shard.open.end());
          shard.open.clear();
          break;
        default:
          if (shard.sealed.empty()) break;
          const std::size_t count = random() % shard.sealed.size() + 1;
          for (std::size_t i = 0; i < count; ++i) unconfirmed.erase(shard.sealed[i]);
          tracker.Confirm(OriginOf(0), ShardId(number), Offset(shard.sealed[count - 1]));
          shard.sealed.erase(shard.sealed.begin(),
                             shard.sealed.begin() + static_cast<std::ptrdiff_t>(count));
      }
      check();
    }
    for (auto& [number, shard] : shards) {
      if (!shard.open.empty()) tracker.Seal(stay, ShardId(number), Offset(shard.open.back()), {});
      tracker.Confirm(OriginOf(0), ShardId(number), Offset(next));
    }
    EXPECT_EQ(Committable(tracker), Offset(next));
  }
}

}  // namespace
}  // namespace penstock::ingestor
