#pragma once

#include <atomic>
#include <chrono>

#include "base/clock.h"

namespace penstock::ingestor {

/// Stands still but for Advance. It begins an hour from now, so that a thread that waits for its
/// times waits until it is woken.
class ManualClock final : public Clock {
 public:
  Time Now() const override { return begin_ + passed_.load(); }
  std::int64_t WallMs() const override {
    return 1'700'000'000'000 +
           std::chrono::duration_cast<std::chrono::milliseconds>(passed_.load()).count();
  }
  void Advance(Duration by) { passed_ = passed_.load() + by; }

 private:
  const Time begin_ = SystemClock().Now() + std::chrono::hours(1);
  std::atomic<Duration> passed_{};
};

}  // namespace penstock::ingestor
