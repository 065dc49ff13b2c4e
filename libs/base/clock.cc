#include "base/clock.h"

#include <atomic>

namespace penstock {

namespace {

std::atomic<std::int64_t> wall_shift_ms{0};

class RealClock final : public Clock {
 public:
  Time Now() const override { return std::chrono::steady_clock::now(); }
  std::int64_t WallMs() const override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count() +
           wall_shift_ms.load(std::memory_order_relaxed);
  }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

void ShiftSystemWallClock(std::int64_t ms) {
  wall_shift_ms = ms;
}

}  // namespace penstock
