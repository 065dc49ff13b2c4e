#include "sim/scheduler.h"

#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/bounded_queue.h"
#include "base/thread.h"
#include "base/wait.h"

namespace penstock::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(SchedulerTest, WaitingCostsNoTime) {
  const Scheduler scheduler({});
  const Clock& clock = SystemClock();
  const Clock::Time start = clock.Now();
  const std::int64_t wall = clock.WallMs();
  EXPECT_TRUE(WaitUntil(start + hours(1), {}));
  EXPECT_GE(clock.Now(), start + hours(1));
  EXPECT_LT(clock.Now(), start + hours(1) + milliseconds(1));
  EXPECT_EQ((clock.WallMs() - wall) / 1000, 3600);
}

TEST(SchedulerTest, AStopEndsAWaitAtOnce) {
  const Scheduler scheduler({});
  const Clock::Time start = SystemClock().Now();
  std::jthread waiting = StartThread("waits", [](std::stop_token stop) {
    EXPECT_FALSE(WaitUntil(SystemClock().Now() + hours(1), stop));
  });
  WaitUntil(start + milliseconds(5), {});
  waiting.request_stop();
  waiting.join();
  EXPECT_LT(SystemClock().Now(), start + milliseconds(6));
}

TEST(SchedulerTest, LocksExcludeAndQueuesDeliver) {
  const Scheduler scheduler({.seed = 3, .lock_switches = 2});
  BoundedQueue<int> queue(2);
  int inside = 0;
  std::mutex mutex;
  std::counting_semaphore<> two(2);
  std::set<int> taken;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(StartThread("takes", [&](std::stop_token) {
      while (const auto item = queue.Pop()) {
        two.acquire();
        EXPECT_LE(++inside, 2);
        std::lock_guard lock(mutex);
        EXPECT_TRUE(taken.insert(*item).second);
        --inside;
        two.release();
      }
    }));
  }
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(queue.Push(int{i}));
  queue.Close();
  threads.clear();
  EXPECT_EQ(taken.size(), 100U);
}

// Which of three threads comes first, and how the machine's chance falls, is the seed's choice.
std::vector<int> RunOf(std::uint64_t seed, std::uint64_t* trace) {
  const Scheduler scheduler({.seed = seed, .lock_switches = 3});
  std::vector<int> order;
  std::mutex mutex;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.push_back(StartThread("adds", [&, i](std::stop_token) {
      for (int times = 0; times < 10; ++times) {
        WaitUntil(SystemClock().Now() + milliseconds(std::random_device{}() % 3), {});
        std::lock_guard lock(mutex);
        order.push_back(i);
      }
    }));
  }
  threads.clear();
  *trace = scheduler.trace();
  return order;
}

TEST(SchedulerTest, OneSeedIsOneRun) {
  std::uint64_t first = 0;
  std::uint64_t again = 0;
  EXPECT_EQ(RunOf(1, &first), RunOf(1, &again));
  EXPECT_EQ(first, again);
  std::set<std::vector<int>> runs;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) runs.insert(RunOf(seed, &again));
  EXPECT_GT(runs.size(), 15U);
}

TEST(SchedulerDeathTest, ADeadlockIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const Scheduler scheduler({.seed = 7});
        BoundedQueue<int> queue(1);
        queue.Pop();
      },
      "seed 7 is stuck: everybody waits for somebody else");
}

}  // namespace
}  // namespace penstock::sim
