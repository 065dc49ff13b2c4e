#include "sink/bisect_pace.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

using namespace std::chrono_literals;

TEST(BisectPaceTest, AFewBadRowsAreFoundAtFullSpeed) {
  BisectPace pace({});
  Clock::Time now{1h};
  for (int refusal = 0; refusal < 500; ++refusal) EXPECT_EQ(pace.Refused(now), 0s);
  EXPECT_EQ(pace.Refused(now), 10ms);
  now += 25s;  // All forgotten.
  EXPECT_EQ(pace.Refused(now), 0s);
}

TEST(BisectPaceTest, WaitsGrowUpToALimit) {
  BisectPace pace({.free = 10, .a_second = 0, .doubling = 10, .first = 10ms, .most = 50ms});
  std::vector<Clock::Duration> waits;
  for (int refusal = 0; refusal < 50; ++refusal) waits.push_back(pace.Refused(Clock::Time{1h}));
  EXPECT_EQ(waits[9], 0s);
  EXPECT_EQ(waits[10], 10ms);
  EXPECT_EQ(waits[19], 20ms);
  EXPECT_EQ(waits[29], 40ms);
  EXPECT_EQ(waits[49], 50ms);
}

// However many threads have bad blocks in hand, and however fast the server refuses.
TEST(BisectPaceTest, InTheLongRunRefusalsKeepToTheRate) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    BisectPace pace({});
    std::vector<Clock::Time> next(1 + random() % 32, Clock::Time{1h});
    int refusals = 0;
    for (Clock::Time now{1h}; now < Clock::Time{1h + 200s}; now += 1ms) {
      for (Clock::Time& thread : next) {
        if (thread > now) continue;
        ++refusals;
        thread = now + 1ms * (random() % 5) + pace.Refused(now);
      }
    }
    EXPECT_LT(refusals, 500 + 200 * 20 + 1000);
    EXPECT_GT(refusals, 200 * 20) << "and are not kept below it";
  }
}

}  // namespace
}  // namespace penstock::sink
