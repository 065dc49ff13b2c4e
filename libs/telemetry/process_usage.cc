#include "telemetry/process_usage.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

#include <unistd.h>

namespace penstock {

namespace {

// The value in bytes of a "Name:  123 kB" line of /proc/<pid>/status; 0 when it is not there.
std::uint64_t KilobytesOf(const std::string& line, std::string_view name) {
  if (!line.starts_with(name)) return 0;
  std::istringstream in(line.substr(name.size()));
  std::uint64_t kilobytes = 0;
  in >> kilobytes;
  return kilobytes * 1024;
}

double BootTimeSeconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

// The fields of /proc/<pid>/stat behind the command name, which may itself hold blanks and
// brackets; the first is field 3 of proc(5).
struct StatFields {
  std::uint64_t user_ticks = 0;
  std::uint64_t system_ticks = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t virtual_bytes = 0;
};

bool ReadStat(const std::string& folder, StatFields& fields) {
  std::ifstream file(folder + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const auto bracket = line.rfind(')');
  if (bracket == std::string::npos) return false;
  std::istringstream in(line.substr(bracket + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) in >> skipped;
  in >> fields.user_ticks >> fields.system_ticks;
  for (int field = 16; field < 20; ++field) in >> skipped;
  in >> fields.threads >> skipped >> fields.start_ticks >> fields.virtual_bytes;
  return !in.fail();
}

}  // namespace

Result<ProcessUsage> ReadProcessUsage(pid_t pid) {
  const std::string folder = fmt::format("/proc/{}", pid);
  StatFields stat;
  if (!ReadStat(folder, stat)) {
    return Error{Remedy::kRetry, "process", fmt::format("no process {}", pid)};
  }
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessUsage usage;
  usage.user_seconds = static_cast<double>(stat.user_ticks) / ticks;
  usage.system_seconds = static_cast<double>(stat.system_ticks) / ticks;
  usage.threads = stat.threads;
  usage.virtual_bytes = stat.virtual_bytes;
  static const double boot = BootTimeSeconds();
  usage.start_time_seconds = boot + static_cast<double>(stat.start_ticks) / ticks;
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    usage.resident_bytes += KilobytesOf(line, "VmRSS:");
    usage.peak_resident_bytes += KilobytesOf(line, "VmHWM:");
  }
  return usage;
}

std::uint64_t CountOpenFiles() {
  std::error_code failed;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", failed), end;
       !failed && entry != end; entry.increment(failed)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // Without the one that reads the folder.
}

}  // namespace penstock
