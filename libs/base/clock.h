#pragma once

#include <chrono>
#include <cstdint>

namespace penstock {

/// The only way code here learns the time. `now()` of the standard clocks is
/// banned outside this library's implementation. Thread-safe.
class Clock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  virtual ~Clock() = default;

  /// Monotonic: for deadlines, ages and back-off.
  virtual Time Now() const = 0;
  /// Milliseconds since the epoch: for what people read and for Kafka's timestamps.
  virtual std::int64_t WallMs() const = 0;
};

/// The machine's clocks. Lives as long as the process.
const Clock& SystemClock();

/// From now on SystemClock().WallMs() is so many ms ahead (negative: behind) of the machine's: how
/// a machine with a wrong time of day looks from within. Now() is as before. For tests of
/// processes.
void ShiftSystemWallClock(std::int64_t ms);

}  // namespace penstock
