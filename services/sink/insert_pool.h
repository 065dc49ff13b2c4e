#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/backoff.h"
#include "base/bounded_queue.h"
#include "base/clock.h"
#include "sink/block.h"
#include "sink/sink_metrics.h"
#include "sink/table_writer.h"

namespace penstock::sink {

/// Whoever cut a block: the pool tells it what happened. Called from the pool's threads.
class BlockOwner {
 public:
  virtual ~BlockOwner() = default;

  /// Records the intent to insert the block, with the rows that are given up (their dead letters
  /// are acknowledged when this returns). Waits its turn: intents are recorded in the order of the
  /// blocks. False: do not insert, the owner stops.
  virtual bool Record(Block& block, std::vector<DeadLetter> given_up) = 0;
  /// The block is in the table, for good.
  virtual void Inserted(std::unique_ptr<Block> block, const PreparedBlock& prepared) = 0;
  /// The block cannot be read at all: the shard stops with this error.
  virtual void Failed(std::unique_ptr<Block> block, Error error) = 0;
};

/// Turns blocks into inserted rows: `Options::converters` threads' worth of CPU decodes, converts
/// and compresses while other blocks wait for their answer from ClickHouse. A block stays with its
/// thread from start to end, so at most that many and kWaiting blocks are in memory in their
/// inserted form, however slow the table is.
///
/// An insert is repeated with the same token, for ever; only a stop ends it.
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

 private:
  struct Job {
    BlockOwner* owner;
    std::unique_ptr<Block> block;
  };

  void Run(std::stop_token stop);
  void Process(Job job, std::stop_token stop);
  Result<PreparedBlock> PrepareWithTable(const Block& block, bool refresh, std::stop_token stop);
  bool InsertUntilDone(Job& job, PreparedBlock& prepared, std::stop_token stop);
  bool PauseAfter(const TableTrouble& trouble, Backoff& backoff, std::stop_token stop);

  const Options options_;
  Parts parts_;
  std::counting_semaphore<> converting_;
  BoundedQueue<Job> jobs_;
  std::vector<std::jthread> threads_;
};

}  // namespace penstock::sink
