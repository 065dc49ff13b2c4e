#pragma once

#include <mutex>

#include "base/clock.h"
#include "sink/block_planner.h"

namespace penstock::sink {

/// How large blocks are at the moment, against what the document says: up to 16 times when the
/// server has too many parts, down to a 16th when it lacks memory, and back by a factor of two for
/// each minute without either. Thread-safe: the pool learns, the shards ask.
class BlockSizer {
 public:
  /// What the server would cut or merge itself.
  static constexpr std::size_t kServerRows = 1'048'448;
  static constexpr std::size_t kServerBytes = 256 << 20;

  void TooManyParts(Clock::Time now) { Move(1, now); }
  void TooLittleMemory(Clock::Time now) { Move(-1, now); }

  /// 1, or the power of two by which blocks are larger or smaller.
  double Scale(Clock::Time now);
  BlockPlanner::Limits Scaled(BlockPlanner::Limits limits, Clock::Time now);
  /// Only ever longer: a smaller block is full sooner.
  Clock::Duration Scaled(Clock::Duration max_delay, Clock::Time now);

 private:
  void Move(int step, Clock::Time now);
  void Decay(Clock::Time now);

  std::mutex mutex_;
  int exponent_ = 0;  // Guarded by mutex_, as the rest.
  Clock::Time moved_{};
};

}  // namespace penstock::sink
