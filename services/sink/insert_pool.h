#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "sink/bisect_pace.h"
#include "sink/block_inserter.h"
#include "sink/block_owner.h"
#include "sink/block_sizer.h"
#include "sink/sink_metrics.h"
#include "sink/table_writer.h"

namespace penstock::sink {

/// Turns blocks into inserted rows: `Options::converters` threads' worth of CPU decodes, converts
/// and compresses while other blocks wait for their answer from ClickHouse. A block stays with its
/// thread from start to end, so at most that many and kWaiting blocks are in memory in their
/// inserted form, however slow the table is.
///
/// What becomes of a block that is refused is BlockInserter's; only a stop ends its patience.
class InsertPool {
 public:
  struct Parts {
    TableWriter& table;
    const Clock& clock;
    SinkMetrics& metrics;
  };
  struct Options {
    std::size_t converters = 1;   ///< How many convert at a time.
    std::size_t queue_limit = 1;  ///< As many blocks as all owners together submit.
    std::chrono::milliseconds first_retry{100};
  };
  /// Blocks that wait for an answer beside those that are converted: one insert is always on its
  /// way while the next is made.
  static constexpr std::size_t kWaiting = 2;

  InsertPool(Options options, Parts parts);
  ~InsertPool();

  /// Takes a block in the order of each owner. False: the pool is stopping.
  bool Submit(BlockOwner& owner, std::unique_ptr<Block> block);
  /// Ends the waiting for ClickHouse: blocks on their way are dropped; their intents stay.
  void Stop();
  /// The same for the blocks of one owner, which submits none any more. When it returns, the pool
  /// knows nothing of it.
  void Abandon(BlockOwner& owner);

  /// How large the blocks should be that are submitted.
  BlockSizer& sizer() { return sizer_; }
  /// So many parts have come into the table since the last call, of all who write into it.
  void PartsMeasured(double parts) { brake_.Measured(parts); }

 private:
  struct Job {
    BlockOwner* owner;
    std::unique_ptr<Block> block;
  };

  /// The blocks of an owner that were submitted and have not ended.
  struct InHand {
    std::size_t blocks = 0;
    std::stop_source stop;
  };

  void Run(std::stop_token stop);
  void Process(Job job);
  std::stop_token StopOf(BlockOwner& owner);
  void Ended(BlockOwner& owner);

  const Options options_;
  Parts parts_;
  std::counting_semaphore<> converting_;
  std::atomic<std::uint64_t> inserted_{0};
  BlockSizer sizer_;
  BisectPace pace_{{}};
  TokenBrake brake_;
  BoundedQueue<Job> jobs_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<BlockOwner*, InHand> in_hand_;  // Guarded by mutex_.
  std::vector<std::jthread> threads_;
};

}  // namespace penstock::sink
