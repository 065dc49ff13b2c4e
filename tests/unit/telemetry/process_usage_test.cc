#include "telemetry/process_usage.h"

#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"

namespace penstock {
namespace {

TEST(ProcessUsageTest, AgreesWithGetrusage) {
  const std::string touched(8 << 20, 'x');  // Something to be resident.
  const auto usage = ReadProcessUsage(getpid());
  rusage own{};
  getrusage(RUSAGE_SELF, &own);
  ASSERT_TRUE(usage.ok());
  const ProcessUsage& used = usage.value();
  const double user =
      static_cast<double>(own.ru_utime.tv_sec) + static_cast<double>(own.ru_utime.tv_usec) / 1e6;
  EXPECT_NEAR(used.user_seconds, user, 0.1);
  EXPECT_GE(used.resident_bytes, touched.size());
  EXPECT_GE(used.peak_resident_bytes, used.resident_bytes);
  EXPECT_GE(used.virtual_bytes, used.resident_bytes);
  EXPECT_GE(used.threads, 1U);
  const double now = static_cast<double>(SystemClock().WallMs()) / 1000;
  EXPECT_LT(used.start_time_seconds, now + 2);
  EXPECT_GT(used.start_time_seconds, now - 3600);
}

TEST(ProcessUsageTest, NoSuchProcess) {
  const auto usage = ReadProcessUsage(0x7FFFFFFF);
  ASSERT_FALSE(usage.ok());
  EXPECT_EQ(usage.error().code, "process");
}

TEST(ProcessUsageTest, CountsOpenFiles) {
  const auto before = CountOpenFiles();
  const int fd = open("/dev/null", O_RDONLY);
  EXPECT_EQ(CountOpenFiles(), before + 1);
  close(fd);
}

}  // namespace
}  // namespace penstock
