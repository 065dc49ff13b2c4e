#pragma once

#include <filesystem>

namespace penstock {

/// CPUs that this process may use at once: the smallest of its cgroup's quota
/// (v2 `cpu.max`, v1 `cpu.cfs_quota_us` / `cpu.cfs_period_us`, the tightest on the
/// way to the root), its affinity mask and the machine's processors. At least 0.01.
double CpuLimit();

/// The cgroup part of CpuLimit alone, read below `root` ("/" outside tests);
/// 0 when there is no limit.
double CgroupCpuQuota(const std::filesystem::path& root);

/// Bytes of memory that the cgroup allows; 0 when there is no limit.
unsigned long long CgroupMemoryLimit(const std::filesystem::path& root);

}  // namespace penstock
