#include "chaos/schedule.h"

#include <utility>

namespace penstock::testing {

namespace {

void Shuffle(std::vector<FaultKind>& kinds, Draw& draw) {
  for (std::size_t left = kinds.size(); left > 1; --left) {
    std::swap(kinds[left - 1], kinds[draw.Below(left)]);
  }
}

}  // namespace

std::vector<Fault> MakeSchedule(std::uint64_t seed, std::chrono::milliseconds duration,
                                std::chrono::milliseconds gap, std::vector<FaultKind> kinds) {
  Draw draw(seed);
  std::vector<Fault> faults;
  std::chrono::milliseconds at{0};
  for (std::size_t next = kinds.size();; ++next) {
    at += draw.Between(gap / 4, gap + 3 * gap / 4);
    if (at >= duration || kinds.empty()) return faults;
    if (next >= kinds.size()) {
      Shuffle(kinds, draw);
      next = 0;
    }
    faults.push_back({.at = at, .kind = kinds[next], .draw = draw.Below(UINT64_MAX)});
  }
}

}  // namespace penstock::testing
