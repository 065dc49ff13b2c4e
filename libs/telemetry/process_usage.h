#pragma once

#include <cstdint>

#include <sys/types.h>

#include "base/result.h"

namespace penstock {

/// What a process has used so far, as the kernel counts it.
struct ProcessUsage {
  double user_seconds = 0;
  double system_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t threads = 0;
  double start_time_seconds = 0;  ///< Since the epoch.

  double cpu_seconds() const { return user_seconds + system_seconds; }
};

/// Of a running process, from /proc; not of its children. Error code "process", remedy kRetry:
/// there is no such process (any more).
Result<ProcessUsage> ReadProcessUsage(pid_t pid);

/// File descriptors that this process has open; 0 where /proc/self/fd cannot be read.
std::uint64_t CountOpenFiles();

}  // namespace penstock
