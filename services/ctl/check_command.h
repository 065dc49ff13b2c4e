#pragma once

#include <span>
#include <string_view>

#include "ctl/dlq_command.h"
#include "ctl/nats.h"

namespace penstock::ctl {

/// `penstock check`; the result is the exit code.
int CheckCommand(const ConnectNats& connect, const OpenRecords& open,
                 std::span<const std::string_view> args);

}  // namespace penstock::ctl
