#include "ctl/command_line.h"

#include <cstdio>

#include "process/exit_codes.h"
#include "telemetry/metrics.h"

namespace penstock::ctl {

std::optional<int> ParseOrAnswer(process::Flags& flags, std::span<const std::string_view> args,
                                 std::string_view command) {
  if (const Status parsed = flags.Parse(args); !parsed.ok()) {
    return Failed(command, parsed.error());
  }
  if (flags.help_wanted()) return fmt::print("{}", flags.Help()), process::kExitOk;
  if (flags.version_wanted()) return fmt::print("penstock {}\n", Version()), process::kExitOk;
  return std::nullopt;
}

int Failed(std::string_view command, const Error& error) {
  std::string_view rest = error.detail;
  while (true) {
    const auto end = rest.find('\n');
    fmt::print(stderr, "penstock {}: {}\n", command, rest.substr(0, end));
    if (end == rest.npos) break;
    rest.remove_prefix(end + 1);
  }
  const bool usage = error.code == "usage" || error.code == "config";
  return usage ? process::kExitUsage : process::kExitFailure;
}

}  // namespace penstock::ctl
