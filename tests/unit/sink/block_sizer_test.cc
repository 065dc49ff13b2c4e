#include "sink/block_sizer.h"

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

using namespace std::chrono_literals;

constexpr BlockPlanner::Limits kLimits{.rows = 100'000, .message_bytes = 7, .body_bytes = 64 << 20};

TEST(BlockSizerTest, GrowsUnderPressureWithinTheServersLimitsAndComesBack) {
  BlockSizer sizer;
  Clock::Time now{1h};
  EXPECT_EQ(sizer.Scale(now), 1);
  sizer.TooManyParts(now);
  sizer.TooManyParts(now);  // Of blocks that were cut before: says nothing new.
  EXPECT_EQ(sizer.Scale(now), 2);
  EXPECT_EQ(sizer.Scaled(kLimits, now).rows, 200'000U);
  EXPECT_EQ(sizer.Scaled(Clock::Duration(1s), now), 2s);
  for (int i = 0; i < 20; ++i) sizer.TooManyParts(now += 5s);
  EXPECT_EQ(sizer.Scale(now), 16);
  const BlockPlanner::Limits most = sizer.Scaled(kLimits, now);
  EXPECT_EQ(most.rows, BlockSizer::kServerRows);
  EXPECT_EQ(most.body_bytes, BlockSizer::kServerBytes);
  EXPECT_EQ(most.message_bytes, 7U) << "memory is what it is";
  EXPECT_EQ(sizer.Scale(now + 2min), 4);
  EXPECT_EQ(sizer.Scale(now + 1h), 1);
}

TEST(BlockSizerTest, ShrinksWithoutMemory) {
  BlockSizer sizer;
  Clock::Time now{1h};
  sizer.TooLittleMemory(now);
  EXPECT_EQ(sizer.Scaled(kLimits, now).rows, 50'000U);
  EXPECT_EQ(sizer.Scaled(Clock::Duration(1s), now), 1s);
  for (int i = 0; i < 20; ++i) sizer.TooLittleMemory(now += 5s);
  EXPECT_EQ(sizer.Scaled(kLimits, now).rows, 6'250U);
  EXPECT_EQ(sizer.Scaled({.rows = 3, .message_bytes = 1, .body_bytes = 1}, now).rows, 1U);
}

}  // namespace
}  // namespace penstock::sink
