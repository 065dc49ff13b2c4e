#pragma once

#include <chrono>
#include <mutex>

#include "base/clock.h"

namespace penstock::sink {

/// How fast blocks may be taken apart. A few bad rows are found at full speed; where a large share
/// of the rows is bad, each of them costs two inserts, and the pieces wait, longer and longer,
/// until a process refuses no more than `a_second` on average, however many threads and blocks.
/// Thread-safe: one for the pool.
class BisectPace {
 public:
  struct Options {
    double free = 500;      ///< Refusals at once that nothing waits for: some 30 rows of 100,000.
    double a_second = 20;   ///< Refusals in the long run.
    double doubling = 100;  ///< Refusals above `free` that double the wait.
    std::chrono::milliseconds first{10};
    std::chrono::milliseconds most{5000};
  };

  explicit BisectPace(Options options) : options_(options) {}

  /// A piece was refused, and was split or given up for it: so long waits the block's next piece.
  Clock::Duration Refused(Clock::Time now);

 private:
  const Options options_;
  std::mutex mutex_;
  double refused_ = 0;  // Less `a_second` since then. Guarded by mutex_, as the rest.
  Clock::Time at_{};
};

}  // namespace penstock::sink
