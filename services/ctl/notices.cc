#include "ctl/notices.h"

#include "base/format.h"

namespace penstock::ctl {

namespace {

std::string ReasonOf(const ProcessView& view) {
  // While it does not answer, its end and its start are told by others.
  if (!view.reports) return "";
  std::string reason = fmt::format("{}", fmt::join(view.why_not_ready, "; "));
  if (!view.paused.empty()) {
    reason += fmt::format("{}inserts are paused: {}", reason.empty() ? "" : "; ",
                          fmt::join(view.paused, ", "));
  }
  return reason;
}

}  // namespace

std::vector<std::string> Notices::Update(const RunView& view) {
  std::vector<std::string> lines;
  for (const ProcessView& each : view.processes) {
    if (!each.reports) continue;
    Process& process = processes_[each.name];
    const std::string reason = ReasonOf(each);
    if (reason != process.reason || process.since == Clock::Time{}) {
      process.reason = reason;
      process.since = view.at;
    }
    if (reason == process.said || view.at - process.since < kLasting) continue;
    if (!reason.empty() && !process.said.empty() && view.at - process.said_at < kBetween) continue;
    lines.push_back(reason.empty() ? fmt::format("{}: all is well again", each.name)
                                   : fmt::format("{}: {}", each.name, reason));
    process.said = reason;
    process.said_at = view.at;
  }
  return lines;
}

}  // namespace penstock::ctl
