#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ctl/stage_view.h"

namespace penstock::ctl {

/// Decides what a run says about processes that are not ready: a reason that lasts, once, and that
/// it is over; not the moments of a start, and never more than a line a process in ten seconds.
class Notices {
 public:
  static constexpr auto kLasting = std::chrono::seconds(2);
  static constexpr auto kBetween = std::chrono::seconds(10);

  /// The lines to say at this view.
  std::vector<std::string> Update(const RunView& view);

 private:
  struct Process {
    std::string reason;  // As in the last view; empty: ready.
    Clock::Time since;
    std::string said;  // The reason that was said last; empty: none since it was ready.
    Clock::Time said_at{};
  };
  std::map<std::string, Process> processes_;
};

}  // namespace penstock::ctl
