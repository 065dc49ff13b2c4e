#pragma once

#include <span>
#include <string_view>

namespace penstock::ctl {

/// `penstock eval`; the result is the exit code.
int EvalCommand(std::span<const std::string_view> args);

}  // namespace penstock::ctl
