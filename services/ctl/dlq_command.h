#pragma once

#include <span>
#include <string_view>

#include "ctl/nats.h"

namespace penstock::ctl {

/// `penstock dlq list FILE`: the dead letters of a pipeline; reading takes none away.
int DlqListCommand(const ConnectNats& connect, std::span<const std::string_view> args);

}  // namespace penstock::ctl
