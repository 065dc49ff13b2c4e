#include "base/backoff.h"

#include <gtest/gtest.h>

namespace penstock {
namespace {

using namespace std::chrono_literals;

TEST(BackoffTest, DoublesUpToItsCeilingWithinTheUpperHalf) {
  Backoff backoff(100ms, 3000ms);
  for (const auto ceiling : {100ms, 200ms, 400ms, 800ms, 1600ms, 3000ms, 3000ms}) {
    const auto wait = backoff.Next();
    EXPECT_GE(wait, ceiling / 2);
    EXPECT_LE(wait, ceiling);
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), 100ms);
}

TEST(BackoffTest, ReplicasThatFailedTogetherDoNotComeBackTogether) {
  Backoff one(1'000'000ms, 1'000'000ms);
  Backoff other(1'000'000ms, 1'000'000ms);
  bool differed = false;
  for (int i = 0; i < 10; ++i) differed |= one.Next() != other.Next();
  EXPECT_TRUE(differed);
}

}  // namespace
}  // namespace penstock
