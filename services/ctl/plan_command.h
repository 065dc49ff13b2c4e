#pragma once

#include <span>
#include <string_view>

namespace penstock::ctl {

/// `penstock plan FILE`: what will run, from the document alone.
int PlanCommand(std::span<const std::string_view> args);

}  // namespace penstock::ctl
