#include "base/bounded_queue.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "base/thread.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;

TEST(BoundedQueueTest, FirstInFirstOutUpToTheBound) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(2)));
  auto refused = std::make_unique<int>(3);
  EXPECT_FALSE(queue.TryPush(std::move(refused)));
  EXPECT_NE(refused, nullptr);  // NOLINT(bugprone-use-after-move): untouched, as promised.
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(**queue.Pop(), 1);
  EXPECT_EQ(**queue.Pop(), 2);
}

TEST(BoundedQueueTest, ClosedTakesNothingAndGivesWhatItHas) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.Push(1));
  queue.Close();
  EXPECT_FALSE(queue.Push(2));
  EXPECT_FALSE(queue.TryPush(2));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), std::nullopt);
}

TEST(BoundedQueueTest, ADeadlineEndsTheWait) {
  BoundedQueue<int> queue(1);
  const auto deadline = SystemClock().Now() + 5ms;
  EXPECT_EQ(queue.PopUntil(deadline), std::nullopt);
  EXPECT_GE(SystemClock().Now(), deadline);
}

TEST(BoundedQueueTest, AStopEndsTheWaitOfBothSides) {
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.Push(1));
  BoundedQueue<int> empty(1);
  std::stop_source stop;
  const std::jthread pushing([&] {
    int item = 2;
    EXPECT_FALSE(full.Push(std::move(item), stop.get_token()));
    EXPECT_EQ(item, 2);  // NOLINT(bugprone-use-after-move): untouched, as promised.
  });
  const std::jthread popping([&] { EXPECT_EQ(empty.Pop(stop.get_token()), std::nullopt); });
  const std::jthread until(
      [&] { EXPECT_EQ(empty.PopUntil(SystemClock().Now() + 1h, stop.get_token()), std::nullopt); });
  stop.request_stop();
}

TEST(BoundedQueueTest, CloseEndsTheWaitOfBothSides) {
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.Push(1));
  BoundedQueue<int> empty(1);
  const std::jthread pushing([&] { EXPECT_FALSE(full.Push(2)); });
  const std::jthread popping([&] { EXPECT_EQ(empty.Pop(), std::nullopt); });
  full.Close();
  empty.Close();
}

// Whatever the threads do: each item comes out once, those of one producer in order.
TEST(BoundedQueueTest, NothingIsLostOrRepeatedBetweenThreads) {
  constexpr int kProducers = 3;
  constexpr int kItems = 2000;
  BoundedQueue<std::pair<int, int>> queue(3);
  std::atomic<int> taken = 0;
  std::vector<std::jthread> consumers;
  for (int c = 0; c < 2; ++c) {
    consumers.push_back(StartThread("consumer", [&](std::stop_token) {
      std::vector<int> last(kProducers, -1);
      while (auto item = queue.Pop()) {
        auto& before = last[static_cast<std::size_t>(item->first)];
        EXPECT_LT(before, item->second);
        before = item->second;
        ++taken;
      }
    }));
  }
  {
    std::vector<std::jthread> producers;
    for (int p = 0; p < kProducers; ++p) {
      producers.push_back(StartThread("producer", [&, p](std::stop_token) {
        for (int i = 0; i < kItems; ++i) EXPECT_TRUE(queue.Push({p, i}));
      }));
    }
  }
  queue.Close();
  consumers.clear();
  EXPECT_EQ(taken, kProducers * kItems);
}

}  // namespace
}  // namespace penstock
