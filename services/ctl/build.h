#pragma once

#include <span>
#include <string_view>

#include "process/flags.h"

namespace penstock::ctl {

/// The `penstock` command, `args` without the program's name: finds the subcommand and runs it with
/// the real servers behind it. The result is the exit code.
int RunPenstock(std::span<const std::string_view> args);

}  // namespace penstock::ctl
