#pragma once

#include <stop_token>
#include <utility>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/wait.h"

namespace penstock {

/// Why a wait without an end has ended all the same.
inline const Error kStopped{Remedy::kStop, "stopped", "the process is stopping"};

/// Calls `attempt` until it gives something else than a kRetry error, with growing pauses, or until
/// `stop`: then kStopped. `report` is told each such error.
template <typename Report, typename Attempt>
auto WithPatience(const Clock& clock, std::stop_token stop, Report report, Attempt attempt,
                  Backoff backoff = Backoff()) -> decltype(attempt()) {
  while (true) {
    auto result = attempt();
    if (result.ok() || result.error().remedy != Remedy::kRetry) return result;
    report(result.error());
    if (!WaitUntil(clock.Now() + backoff.Next(), stop)) return kStopped;
  }
}

}  // namespace penstock
