#include "base/cpu_limit.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

#include <sched.h>
#include <unistd.h>

namespace penstock {

namespace {

namespace fs = std::filesystem;

std::string FirstLine(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Where this process sits in the hierarchy of `controller` ("" is v2), from /proc/self/cgroup:
// lines "id:controllers:path".
std::optional<std::string> CgroupPath(const fs::path& root, const std::string& controller) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers == ",," ? controller.empty()
                            : controllers.find("," + controller + ",") != std::string::npos) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

// The tightest value on the way from the process's group up to the mount point. In a
// container the path of the host is not visible, and the mount point itself is the group.
double Tightest(const fs::path& mount, const std::string& group,
                const std::function<double(const fs::path&)>& read) {
  double least = std::numeric_limits<double>::infinity();
  fs::path path = (mount / fs::path(group).relative_path()).lexically_normal();
  while (path.string().size() >= mount.string().size()) {
    least = std::min(least, read(path));
    if (path == mount || !path.has_relative_path()) break;
    path = path.parent_path();
  }
  return std::min(least, read(mount));
}

double Number(const std::string& text) {
  std::istringstream in(text);
  double value = 0;
  return in >> value ? value : -1;
}

double QuotaV2(const fs::path& path) {
  std::istringstream in(FirstLine(path / "cpu.max"));
  std::string quota;
  double period = 0;
  if (!(in >> quota >> period) || Number(quota) <= 0 || period <= 0) {  // "max" is no number.
    return std::numeric_limits<double>::infinity();
  }
  return Number(quota) / period;
}

double QuotaV1(const fs::path& path) {
  const double quota = Number(FirstLine(path / "cpu.cfs_quota_us"));
  const double period = Number(FirstLine(path / "cpu.cfs_period_us"));
  return quota > 0 && period > 0 ? quota / period : std::numeric_limits<double>::infinity();
}

double BytesIn(const fs::path& file) {
  const double bytes = Number(FirstLine(file));
  // v1 writes "no limit" as the largest multiple of a page below 2^63.
  return bytes > 0 && bytes < 9e18 ? bytes : std::numeric_limits<double>::infinity();
}

double OrZero(double value) {
  return value == std::numeric_limits<double>::infinity() ? 0 : value;
}

}  // namespace

double CgroupCpuQuota(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  double quota = std::numeric_limits<double>::infinity();
  if (const auto group = CgroupPath(root, "")) quota = Tightest(mount, *group, QuotaV2);
  if (const auto group = CgroupPath(root, "cpu")) {
    quota = std::min({quota, Tightest(mount / "cpu", *group, QuotaV1),
                      Tightest(mount / "cpu,cpuacct", *group, QuotaV1)});
  }
  return OrZero(quota);
}

unsigned long long CgroupMemoryLimit(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  double bytes = std::numeric_limits<double>::infinity();
  if (const auto group = CgroupPath(root, "")) {
    bytes =
        Tightest(mount, *group, [](const fs::path& path) { return BytesIn(path / "memory.max"); });
  }
  if (const auto group = CgroupPath(root, "memory")) {
    bytes = std::min(bytes, Tightest(mount / "memory", *group, [](const fs::path& path) {
                       return BytesIn(path / "memory.limit_in_bytes");
                     }));
  }
  return static_cast<unsigned long long>(OrZero(bytes));
}

double CpuLimit() {
  auto limit = static_cast<double>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
    limit = std::min(limit, static_cast<double>(std::max(1, CPU_COUNT(&mask))));
  }
  const double quota = CgroupCpuQuota("/");
  if (quota > 0) limit = std::min(limit, quota);
  return std::max(0.01, limit);
}

}  // namespace penstock
