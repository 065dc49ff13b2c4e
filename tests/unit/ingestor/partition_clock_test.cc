#include "ingestor/partition_clock.h"

#include <gtest/gtest.h>

#include "unit/ingestor/manual_clock.h"

namespace penstock::ingestor {
namespace {

using std::chrono::seconds;

TEST(PartitionClockTest, ItIsTheNewestTimestampThatWasTaken) {
  const ManualClock now;
  PartitionClock clock;
  EXPECT_EQ(clock.NowMs(now), std::nullopt) << "nothing is read, and there may be something";
  clock.Took(5000);
  clock.Took(3000);
  EXPECT_EQ(clock.NowMs(now), 5000);
}

TEST(PartitionClockTest, AtTheEndItGoesOnByItself) {
  ManualClock now;
  PartitionClock clock;
  clock.Took(5000);
  now.Advance(seconds(7));
  EXPECT_EQ(clock.NowMs(now), 5000) << "there may be more to read";
  clock.ReachedEnd(now);
  now.Advance(seconds(3));
  EXPECT_EQ(clock.NowMs(now), 8000);
  clock.LeaveEnd(now);
  now.Advance(seconds(3));
  clock.Took(6000);
  EXPECT_EQ(clock.NowMs(now), 8000) << "it never goes back";
}

// A partition whose last record is a month old does not hold its side a month back.
TEST(PartitionClockTest, AfterAMinuteAtTheEndItIsNow) {
  ManualClock now;
  PartitionClock clock;
  clock.Took(5000);
  clock.ReachedEnd(now);
  now.Advance(seconds(30));
  clock.Hold(now, now.Now() + seconds(10));
  clock.ReachedEnd(now);
  now.Advance(seconds(29));
  EXPECT_LT(clock.NowMs(now), 100'000);
  now.Advance(seconds(1));
  EXPECT_EQ(clock.NowMs(now), now.WallMs());
  clock.LeaveEnd(now);
  clock.Took(6000);
  clock.ReachedEnd(now);
  now.Advance(seconds(1));
  EXPECT_EQ(clock.NowMs(now), now.WallMs()) << "it never goes back";
}

TEST(PartitionClockTest, WithoutAnyRecordTheEndIsNow) {
  ManualClock now;
  PartitionClock clock;
  clock.ReachedEnd(now);
  now.Advance(seconds(1));
  EXPECT_EQ(clock.NowMs(now), now.WallMs());
}

TEST(PartitionClockTest, ATopicWithoutTimestampsHasTheMachines) {
  ManualClock now;
  PartitionClock clock;
  clock.Took(-1);
  EXPECT_EQ(clock.NowMs(now), std::nullopt);
  clock.ReachedEnd(now);
  EXPECT_EQ(clock.NowMs(now), now.WallMs());
}

TEST(PartitionClockTest, WhileKafkaHasTroubleItStandsStill) {
  ManualClock now;
  PartitionClock clock;
  clock.Took(5000);
  clock.ReachedEnd(now);
  now.Advance(seconds(2));
  clock.Hold(now, now.Now() + seconds(10));
  now.Advance(seconds(9));
  EXPECT_EQ(clock.NowMs(now), 7000);
  now.Advance(seconds(1));
  EXPECT_EQ(clock.NowMs(now), 17000);
}

}  // namespace
}  // namespace penstock::ingestor
