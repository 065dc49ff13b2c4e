#include "sim/process.h"

#include <utility>

#include "base/thread.h"
#include "base/wait.h"
#include "sim/scheduler.h"

namespace penstock::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::uint64_t Below(std::uint64_t limit) {
  return Scheduler::Current()->Draw() % limit;
}

bool OneIn(unsigned times) {
  return times > 0 && Below(times) == 0;
}

Network::Network() {
  thread_ = StartThread("network", [this](std::stop_token stop) { Run(std::move(stop)); });
}

void Network::After(Clock::Duration delay, std::function<void()> call) {
  std::lock_guard lock(mutex_);
  calls_.emplace(SystemClock().Now() + delay, std::move(call));
  changed_.notify_all();
}

Clock::Duration Network::Travel() const {
  if (OneIn(weather.slow)) return milliseconds(Below(2000));
  return microseconds(Below(OneIn(8) ? 20'000 : 500));
}

void Network::Run(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const Clock::Time next = calls_.empty() ? Clock::Time::max() : calls_.begin()->first;
    changed_.wait_until(lock, stop, next, [&] {
      return !calls_.empty() &&
             (calls_.begin()->first < next || calls_.begin()->first <= SystemClock().Now());
    });
    if (calls_.empty() || calls_.begin()->first > SystemClock().Now()) continue;
    const auto call = calls_.extract(calls_.begin());
    lock.unlock();
    call.mapped()();
    lock.lock();
  }
}

void Process::Wait(Clock::Duration duration) const {
  WaitUntil(SystemClock().Now() + duration, death_.get_token());
}

Error Process::Unavailable() {
  return {Remedy::kRetry, "unavailable", "no answer in the simulated network"};
}

Clock::Duration Process::Later() {
  return milliseconds(Below(OneIn(3) ? 30'000 : 1000));
}

Process::Fate Process::Next(Kind kind) {
  if (!alive()) return Fate::kDead;
  if (kind != Kind::kRead && OneIn(network_.weather.deadly)) {
    Kill();
    // It died before it could send the request, or before it could hear the answer.
    return OneIn(2) ? Fate::kDead : Fate::kUnheard;
  }
  if (OneIn(network_.weather.lost)) return OneIn(2) ? Fate::kLost : Fate::kUnheard;
  if (kind == Kind::kWrite && OneIn(network_.weather.late)) return Fate::kLate;
  return Fate::kServed;
}

// Whether an answer has come.
bool Process::Deliver(Kind kind, Clock::Duration timeout, const std::function<void()>& serve,
                      const std::function<void()>& serve_late) {
  const Fate fate = Next(kind);
  if (fate == Fate::kDead) return false;
  if (fate == Fate::kLate) network_.After(timeout + Later(), serve_late);
  if (fate == Fate::kServed || fate == Fate::kUnheard) {
    WaitUntil(SystemClock().Now() + network_.Travel(), {});
    serve();
  }
  if (fate != Fate::kServed) {
    Wait(timeout);
    return false;
  }
  Wait(network_.Travel());
  return alive();
}

}  // namespace penstock::sim
