#include "ctl/findings.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "base/text.h"

namespace penstock::ctl {

std::string_view ToText(Findings::Level level) {
  constexpr std::array<std::string_view, 3> kNames = {"ok", "warning", "fault"};
  return kNames.at(static_cast<std::size_t>(level));
}

std::size_t Findings::Count(Level level) const {
  return static_cast<std::size_t>(std::ranges::count(all_, level, &Finding::level));
}

std::string Findings::ToText(bool as_json) const {
  std::string out;
  for (const Finding& finding : all_) {
    if (!as_json) {
      out += fmt::format("{:<8} {:<11} {}\n", penstock::ctl::ToText(finding.level), finding.about,
                         finding.text);
      continue;
    }
    out += fmt::format(R"({{"level":"{}","about":"{}","text":)",
                       penstock::ctl::ToText(finding.level), finding.about);
    AppendJsonString(out, IsUtf8(finding.text) ? finding.text : Base64Encode(finding.text));
    out += "}\n";
  }
  return out;
}

}  // namespace penstock::ctl
