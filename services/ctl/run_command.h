#pragma once

#include <span>
#include <string_view>

#include "ctl/nats.h"

namespace penstock::ctl {

/// `penstock run FILE`: the pipeline on this machine, until it is stopped or, with --until-idle,
/// has done its work. Exit code 0; 1: it could not start, or a process gave up.
int RunCommand(const ConnectNats& connect, std::span<const std::string_view> args);

}  // namespace penstock::ctl
