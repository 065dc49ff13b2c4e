#pragma once

#include <span>
#include <string_view>

#include "ctl/nats.h"
#include "ctl/topics.h"

namespace penstock::ctl {

/// `penstock verify`; the result is the exit code.
int VerifyCommand(const ConnectNats& connect, const KafkaOpeners& open,
                  std::span<const std::string_view> args);

}  // namespace penstock::ctl
