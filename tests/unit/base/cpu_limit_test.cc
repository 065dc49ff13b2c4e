#include "base/cpu_limit.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock {
namespace {

namespace fs = std::filesystem;

// A root folder with the files that a test writes.
class CpuLimitTest : public testing::Test {
 protected:
  CpuLimitTest() { fs::create_directories(root_); }
  ~CpuLimitTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }

  const fs::path root_ =
      fs::temp_directory_path() / fmt::format("penstock-cgroup-test-{}", getpid());
};

TEST_F(CpuLimitTest, WithoutCgroupsThereIsNoLimit) {
  EXPECT_EQ(CgroupCpuQuota(root_), 0);
  EXPECT_EQ(CgroupMemoryLimit(root_), 0U);
}

TEST_F(CpuLimitTest, V2InAContainerSeesItsGroupAtTheMountPoint) {
  Write("proc/self/cgroup", "0::/");
  Write("sys/fs/cgroup/cpu.max", "150000 100000");
  Write("sys/fs/cgroup/memory.max", "536870912");
  EXPECT_DOUBLE_EQ(CgroupCpuQuota(root_), 1.5);
  EXPECT_EQ(CgroupMemoryLimit(root_), 512ULL << 20);
}

TEST_F(CpuLimitTest, V2TakesTheTightestOnTheWayUp) {
  Write("proc/self/cgroup", "0::/kubepods/pod1/container");
  Write("sys/fs/cgroup/kubepods/cpu.max", "400000 100000");
  Write("sys/fs/cgroup/kubepods/pod1/cpu.max", "200000 100000");
  Write("sys/fs/cgroup/kubepods/pod1/container/cpu.max", "max 100000");
  Write("sys/fs/cgroup/kubepods/memory.max", "1000000");
  Write("sys/fs/cgroup/kubepods/pod1/memory.max", "max");
  Write("sys/fs/cgroup/kubepods/pod1/container/memory.max", "2000000");
  EXPECT_DOUBLE_EQ(CgroupCpuQuota(root_), 2);
  EXPECT_EQ(CgroupMemoryLimit(root_), 1'000'000U);
}

TEST_F(CpuLimitTest, AHostPathThatIsNotVisibleMeansTheMountPoint) {
  Write("proc/self/cgroup", "0::/system.slice/docker-0123.scope");
  Write("sys/fs/cgroup/cpu.max", "50000 100000");
  EXPECT_DOUBLE_EQ(CgroupCpuQuota(root_), 0.5);
  Write("proc/self/cgroup", "0::/../../outside");
  EXPECT_DOUBLE_EQ(CgroupCpuQuota(root_), 0.5);
}

TEST_F(CpuLimitTest, V1OfTheCpuAndMemoryControllers) {
  Write("proc/self/cgroup",
        "12:cpuset:/other\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/x");
  Write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "250000");
  Write("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000");
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  Write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "268435456");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_DOUBLE_EQ(CgroupCpuQuota(root_), 2.5);
  EXPECT_EQ(CgroupMemoryLimit(root_), 256ULL << 20);
}

TEST_F(CpuLimitTest, V1UnderTheNameOfBothControllers) {
  Write("proc/self/cgroup", "3:cpu,cpuacct:/docker/abc");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "75000");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "50000");
  EXPECT_DOUBLE_EQ(CgroupCpuQuota(root_), 1.5);
}

TEST_F(CpuLimitTest, V1AndV2SideBySideTakeTheTighter) {
  Write("proc/self/cgroup", "4:memory:/\n1:cpu:/\n0::/");
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_DOUBLE_EQ(CgroupCpuQuota(root_), 3);
  Write("sys/fs/cgroup/cpu.max", "100000 100000");
  EXPECT_DOUBLE_EQ(CgroupCpuQuota(root_), 1);
}

TEST_F(CpuLimitTest, UnreadableNumbersAreNoLimit) {
  for (const char* text : {"", "max", "nonsense 100000", "100000 0", "-1 100000", "0 100000"}) {
    SCOPED_TRACE(text);
    Write("proc/self/cgroup", "0::/");
    Write("sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(CgroupCpuQuota(root_), 0);
  }
  Write("proc/self/cgroup", "no colon here\n:");
  EXPECT_EQ(CgroupCpuQuota(root_), 0);
}

TEST(CpuLimitOfThisProcessTest, IsPositiveAndAtMostTheProcessors) {
  EXPECT_GE(CpuLimit(), 0.01);
  EXPECT_LE(CpuLimit(), static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace
}  // namespace penstock
