#include "sink/insert_pool.h"

#include <algorithm>
#include <utility>

#include "base/thread.h"
#include "base/wait.h"

namespace penstock::sink {

namespace {

// How often a table that must be repaired by somebody is tried again.
constexpr auto kProbeInterval = std::chrono::seconds(30);
constexpr auto kFirstProbe = std::chrono::seconds(1);

bool NeedsRepair(PauseReason reason) {
  return reason == PauseReason::kSchema || reason == PauseReason::kAccess ||
         reason == PauseReason::kData || reason == PauseReason::kCapacity;
}

// Releases what it acquired, whichever way the scope ends.
class Turn {
 public:
  explicit Turn(std::counting_semaphore<>& semaphore) : semaphore_(semaphore) {
    semaphore_.acquire();
  }
  ~Turn() { semaphore_.release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::counting_semaphore<>& semaphore_;
};

}  // namespace

InsertPool::InsertPool(Options options, Parts parts)
    : options_(options),
      parts_(parts),
      converting_(static_cast<std::ptrdiff_t>(options.converters)),
      jobs_(options.queue_limit) {
  for (std::size_t i = 0; i < options.converters + kWaiting; ++i) {
    threads_.push_back(
        StartThread(fmt::format("insert-{}", i), [this](std::stop_token stop) { Run(stop); }));
  }
}

InsertPool::~InsertPool() {
  Stop();
}

bool InsertPool::Submit(BlockOwner& owner, std::unique_ptr<Block> block) {
  return jobs_.Push(Job{.owner = &owner, .block = std::move(block)});
}

void InsertPool::Stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  jobs_.Close();
  for (std::jthread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  // Blocks that no thread took go back before their owners' budgets end.
  while (jobs_.Pop()) continue;
}

void InsertPool::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto job = jobs_.Pop(stop);
    if (job) Process(*std::move(job), stop);
  }
}

void InsertPool::Process(Job job, std::stop_token stop) {
  const SinkMetrics::Busy busy = parts_.metrics.Working();
  auto prepared = PrepareWithTable(*job.block, false, stop);
  if (stop.stop_requested()) return;
  if (!prepared.ok()) return job.owner->Failed(std::move(job.block), std::move(prepared).error());
  PreparedBlock block = std::move(prepared).value();
  // The intent comes first: a process that dies after the insert finds it and inserts the same
  // rows again under the same token, which ClickHouse drops.
  if (!job.owner->Record(*job.block, std::move(block.bad_rows))) return;
  if (block.rows > 0 && !InsertUntilDone(job, block, stop)) return;
  job.owner->Inserted(std::move(job.block), block);
}

// Converts the block once the table is known, however long that takes.
Result<PreparedBlock> InsertPool::PrepareWithTable(const Block& block, bool refresh,
                                                   std::stop_token stop) {
  Backoff backoff(options_.first_retry);
  while (const auto trouble = parts_.table.Describe(refresh, stop)) {
    if (!PauseAfter(*trouble, backoff, stop)) {
      return Error{Remedy::kStop, "stopped", "the process is stopping"};
    }
  }
  const Turn turn(converting_);
  return parts_.table.Prepare(block);
}

bool InsertPool::InsertUntilDone(Job& job, PreparedBlock& prepared, std::stop_token stop) {
  Backoff backoff(options_.first_retry);
  while (!stop.stop_requested()) {
    const Clock::Time started = parts_.clock.Now();
    const auto trouble = parts_.table.Insert(prepared, *job.block, stop);
    if (!trouble) {
      parts_.metrics.Inserted(prepared, parts_.clock.Now() - started);
      return true;
    }
    if (!PauseAfter(*trouble, backoff, stop)) return false;
    if (trouble->reason != PauseReason::kSchema) continue;
    // The table is another one than when the block was made: make it again.
    auto again = PrepareWithTable(*job.block, true, stop);
    if (!again.ok()) continue;
    prepared = std::move(again).value();
    if (!prepared.bad_rows.empty() &&
        !job.owner->Record(*job.block, std::move(prepared.bad_rows))) {
      return false;
    }
  }
  return false;
}

bool InsertPool::PauseAfter(const TableTrouble& trouble, Backoff& backoff, std::stop_token stop) {
  if (stop.stop_requested()) return false;
  parts_.metrics.Paused(trouble);
  const auto first = NeedsRepair(trouble.reason) ? kFirstProbe : std::chrono::seconds(0);
  const auto wait = std::min<std::chrono::milliseconds>(backoff.Next() + first, kProbeInterval);
  return WaitUntil(parts_.clock.Now() + wait, stop);
}

}  // namespace penstock::sink
