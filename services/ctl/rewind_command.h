#pragma once

#include <span>
#include <string_view>

#include "ctl/topics.h"

namespace penstock::ctl {

/// `penstock rewind`; the result is the exit code.
int RewindCommand(const KafkaOpeners& open, std::span<const std::string_view> args);

}  // namespace penstock::ctl
