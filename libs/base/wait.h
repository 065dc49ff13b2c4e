#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/clock.h"

namespace penstock {

/// Waits until `deadline` or until `stop` is requested, whichever comes first: the
/// only pause between attempts in this code base. True when the time has passed.
inline bool WaitUntil(Clock::Time deadline, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_until(lock, stop, deadline, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace penstock
