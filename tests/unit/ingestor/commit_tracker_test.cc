#include "ingestor/commit_tracker.h"

#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock::ingestor {
namespace {

TEST(CommitTrackerTest, WaitsForJetStreamAndForTheSink) {
  CommitTracker tracker(2);
  const auto stay = tracker.Start(0, Offset(10));
  EXPECT_EQ(tracker.Committable(0), Offset(10));
  tracker.Open(stay, ShardId(1), Offset(10));
  tracker.Advance(stay, Offset(20));
  EXPECT_EQ(tracker.Committable(0), Offset(10)) << "published by nobody";
  tracker.Seal(stay, ShardId(1), Offset(19));
  EXPECT_EQ(tracker.Committable(0), Offset(10)) << "confirmed by nobody";
  tracker.Confirm(0, ShardId(1), Offset(18));
  EXPECT_EQ(tracker.Committable(0), Offset(10)) << "not to its end";
  tracker.Confirm(0, ShardId(1), Offset(19));
  EXPECT_EQ(tracker.Committable(0), Offset(20));
}

// Another shard far ahead proves nothing about a slow one.
TEST(CommitTrackerTest, TheSlowestShardHoldsItBack) {
  CommitTracker tracker(2);
  const auto stay = tracker.Start(0, Offset(0));
  tracker.Open(stay, ShardId(0), Offset(0));
  tracker.Open(stay, ShardId(1), Offset(100));
  tracker.Advance(stay, Offset(200));
  tracker.Seal(stay, ShardId(0), Offset(99));
  tracker.Seal(stay, ShardId(1), Offset(199));
  tracker.Confirm(0, ShardId(1), Offset(199));
  EXPECT_EQ(tracker.Committable(0), Offset(0));
  tracker.Confirm(0, ShardId(0), Offset(99));
  EXPECT_EQ(tracker.Committable(0), Offset(200));
}

TEST(CommitTrackerTest, AnEarlierStayCannotDisturbThePresentOne) {
  CommitTracker tracker(1);
  const auto old = tracker.Start(0, Offset(0));
  tracker.Open(old, ShardId(0), Offset(0));
  tracker.Remove(0);
  EXPECT_EQ(tracker.Committable(0), std::nullopt);
  const auto present = tracker.Start(0, Offset(5));
  tracker.Open(present, ShardId(0), Offset(5));
  tracker.Advance(old, Offset(1000));
  tracker.Seal(old, ShardId(0), Offset(3));
  tracker.Confirm(0, ShardId(0), Offset(3));
  EXPECT_EQ(tracker.Committable(0), Offset(5));
}

// Law: what may be committed never passes a record that is not confirmed, and reaches the end once
// all are. Against a model that knows the fate of each offset.
TEST(CommitTrackerTest, NeverPassesWhatIsNotConfirmed) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    constexpr std::uint32_t kShards = 4;
    CommitTracker tracker(kShards);
    const auto stay = tracker.Start(0, Offset(0));
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
      ASSERT_LE(tracker.Committable(0)->rep(), limit);
    };
    for (int step = 0; step < 400; ++step) {
      const auto number = static_cast<std::uint32_t>(random() % kShards);
      Shard& shard = shards[number];
      switch (random() % 3) {
        case 0:
          if (shard.open.empty()) tracker.Open(stay, ShardId(number), Offset(next));
          shard.open.push_back(next);
          unconfirmed.insert(next);
          tracker.Advance(stay, Offset(++next));
          break;
        case 1:
          if (shard.open.empty()) break;
          tracker.Seal(stay, ShardId(number), Offset(shard.open.back()));
          shard.sealed.insert(shard.sealed.end(), shard.open.begin(), shard.open.end());
          shard.open.clear();
          break;
        default:
          if (shard.sealed.empty()) break;
          const std::size_t count = random() % shard.sealed.size() + 1;
          for (std::size_t i = 0; i < count; ++i) unconfirmed.erase(shard.sealed[i]);
          tracker.Confirm(0, ShardId(number), Offset(shard.sealed[count - 1]));
          shard.sealed.erase(shard.sealed.begin(),
                             shard.sealed.begin() + static_cast<std::ptrdiff_t>(count));
      }
      check();
    }
    for (auto& [number, shard] : shards) {
      if (!shard.open.empty()) tracker.Seal(stay, ShardId(number), Offset(shard.open.back()));
      tracker.Confirm(0, ShardId(number), Offset(next));
    }
    EXPECT_EQ(tracker.Committable(0), Offset(next));
  }
}

}  // namespace
}  // namespace penstock::ingestor
