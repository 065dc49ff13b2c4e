#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "process/flags.h"

namespace penstock::ctl {

/// Parses a command's flags. An exit code means that the command is over: help or version were
/// wanted and are printed, or the flags are wrong and it is said.
std::optional<int> ParseOrAnswer(process::Flags& flags, std::span<const std::string_view> args,
                                 std::string_view command);

/// Says on stderr why `command` failed, one line for each line of the error. The result is the
/// exit code that goes with it.
int Failed(std::string_view command, const Error& error);

}  // namespace penstock::ctl
