#pragma once

#include <functional>
#include <stop_token>
#include <utility>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/wait.h"

namespace penstock::transform {

inline const Error kStopped{Remedy::kStop, "stopped", "the process is stopping"};

/// Calls `attempt` until it gives something else than a kRetry error, with growing pauses. `report`
/// is told each such error.
template <typename Attempt>
auto WithPatience(const Clock& clock, std::stop_token stop,
                  const std::function<void(const Error&)>& report, Attempt attempt)
    -> decltype(attempt()) {
  Backoff backoff;
  while (true) {
    auto result = attempt();
    if (result.ok() || result.error().remedy != Remedy::kRetry) return result;
    report(result.error());
    if (!WaitUntil(clock.Now() + backoff.Next(), stop)) return kStopped;
  }
}

}  // namespace penstock::transform
