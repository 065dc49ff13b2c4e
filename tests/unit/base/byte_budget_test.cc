#include "base/byte_budget.h"

#include <atomic>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/bounded_queue.h"
#include "base/format.h"
#include "base/thread.h"

namespace penstock {
namespace {

TEST(ByteBudgetTest, AFullBudgetHoldsTheNextCallerBack) {
  ByteBudget budget(10);
  const auto first = budget.Acquire(8, {});
  ASSERT_TRUE(first.has_value());
  std::stop_source stop;
  const std::jthread waiter([&] { EXPECT_FALSE(budget.Acquire(3, stop.get_token()).has_value()); });
  stop.request_stop();
}

TEST(ByteBudgetTest, DroppingAPermitLetsTheNextCallerIn) {
  ByteBudget budget(10);
  auto first = budget.Acquire(8, {});
  const std::jthread waiter([&] { EXPECT_TRUE(budget.Acquire(10, {}).has_value()); });
  first.reset();
}

TEST(ByteBudgetTest, AMovedPermitIsGivenBackOnce) {
  ByteBudget budget(10);
  {
    auto first = budget.Acquire(6, {});
    const ByteBudget::Permit moved = std::move(*first);
    first.reset();
    std::stop_source stop;
    stop.request_stop();
    EXPECT_FALSE(budget.Acquire(6, stop.get_token()).has_value());  // Still taken.
  }
  EXPECT_TRUE(budget.Acquire(10, {}).has_value());
}

TEST(ByteBudgetTest, OneThatIsTooLargeGoesAlone) {
  ByteBudget budget(10);
  std::stop_source stopped;
  stopped.request_stop();
  constexpr auto kHuge = std::numeric_limits<std::size_t>::max() - 5;
  const auto small = budget.Acquire(8, {});
  // 8 + kHuge wraps around to less than 10.
  EXPECT_FALSE(budget.Acquire(kHuge, stopped.get_token()).has_value());
  ByteBudget other(10);
  const auto huge = other.Acquire(kHuge, {});
  EXPECT_TRUE(huge.has_value());
  EXPECT_FALSE(other.Acquire(8, stopped.get_token()).has_value());
}

// The bound holds at every moment, and everybody gets in at last.
TEST(ByteBudgetTest, TheBoundHoldsUnderThreads) {
  constexpr std::size_t kLimit = 100;
  ByteBudget budget(kLimit);
  std::atomic<std::size_t> used = 0;
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.push_back(StartThread("worker", [&, seed](std::stop_token) {
      std::mt19937 random(seed);
      for (int i = 0; i < 2000; ++i) {
        const std::size_t bytes = 1 + random() % 60;
        const auto permit = budget.Acquire(bytes, {});
        EXPECT_LE(used += bytes, kLimit) << "seed=" << seed;
        used -= bytes;
      }
    }));
  }
}

}  // namespace
}  // namespace penstock
