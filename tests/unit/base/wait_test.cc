#include "base/wait.h"

#include <thread>

#include <gtest/gtest.h>

#include "base/thread.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;

TEST(WaitTest, EndsAtTheDeadline) {
  const auto deadline = SystemClock().Now() + 3ms;
  EXPECT_TRUE(WaitUntil(deadline, {}));
  EXPECT_GE(SystemClock().Now(), deadline);
  EXPECT_TRUE(WaitUntil(SystemClock().Now() - 1s, {}));
}

TEST(WaitTest, EndsWithAStop) {
  std::stop_source stop;
  const std::jthread waiting(
      [&] { EXPECT_FALSE(WaitUntil(SystemClock().Now() + 1h, stop.get_token())); });
  stop.request_stop();
}

TEST(ThreadTest, HasItsNameAndItsStop) {
  std::jthread thread = StartThread("a name that is rather long", [](std::stop_token stop) {
    EXPECT_FALSE(WaitUntil(SystemClock().Now() + 1h, stop));
  });
  char name[16] = {};
  ASSERT_EQ(pthread_getname_np(thread.native_handle(), name, sizeof name), 0);
  EXPECT_STREQ(name, "a name that is ");
}

}  // namespace
}  // namespace penstock
