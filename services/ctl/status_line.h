#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "ctl/stage_view.h"

namespace penstock::ctl {

/// "1,234,567"
std::string Grouped(double number);
/// Seconds for people: "210 ms", "1.35 s", "4 m 10 s".
std::string SecondsText(double seconds);

/// What a run does at the moment, on one line: the rates between two views, and the rest as the
/// later one has it. What matters most comes first, since a terminal may cut the line. `start` is
/// when the run began.
std::string StatusLine(const RunView& earlier, const RunView& later, Clock::Time start);

}  // namespace penstock::ctl
