#include "sink/insert_pool.h"

#include <utility>

#include "base/thread.h"

namespace penstock::sink {

InsertPool::InsertPool(Options options, Parts parts)
    : options_(options),
      parts_(parts),
      converting_(static_cast<std::ptrdiff_t>(options.converters)),
      brake_(parts.clock),
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
  {
    std::lock_guard lock(mutex_);
    ++in_hand_[&owner].blocks;
  }
  if (jobs_.Push(Job{.owner = &owner, .block = std::move(block)})) return true;
  Ended(owner);
  return false;
}

void InsertPool::Stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  jobs_.Close();
  {
    std::lock_guard lock(mutex_);
    for (auto& [owner, in_hand] : in_hand_) in_hand.stop.request_stop();
  }
  for (std::jthread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  // Blocks that no thread took go back before their owners' budgets end.
  while (auto job = jobs_.Pop()) {
    job->block.reset();
    Ended(*job->owner);
  }
}

void InsertPool::Abandon(BlockOwner& owner) {
  {
    std::lock_guard lock(mutex_);
    const auto in_hand = in_hand_.find(&owner);
    if (in_hand == in_hand_.end()) return;
    in_hand->second.stop.request_stop();
  }
  for (Job& job : jobs_.TakeIf([&](const Job& queued) { return queued.owner == &owner; })) {
    job.block.reset();
    Ended(owner);
  }
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return !in_hand_.contains(&owner); });
}

void InsertPool::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    auto job = jobs_.Pop(stop);
    if (!job) continue;
    BlockOwner& owner = *job->owner;
    Process(*std::exchange(job, std::nullopt));
    Ended(owner);
  }
}

void InsertPool::Process(Job job) {
  const std::stop_token stop = StopOf(*job.owner);
  const SinkMetrics::Busy busy = parts_.metrics.Working();
  BlockInserter inserter(options_.first_retry,
                         {.table = parts_.table,
                          .owner = *job.owner,
                          .clock = parts_.clock,
                          .metrics = parts_.metrics,
                          .sizer = sizer_,
                          .pace = pace_,
                          .converting = converting_,
                          .inserted = inserted_,
                          .brake = brake_},
                         *job.block, stop);
  const Status done = inserter.Run();
  if (done.ok()) return job.owner->Inserted(std::move(job.block));
  if (!stop.stop_requested()) job.owner->Failed(std::move(job.block), done.error());
}

std::stop_token InsertPool::StopOf(BlockOwner& owner) {
  std::lock_guard lock(mutex_);
  return in_hand_.at(&owner).stop.get_token();
}

// The block is back, or gone: only then may its owner go.
void InsertPool::Ended(BlockOwner& owner) {
  std::lock_guard lock(mutex_);
  const auto in_hand = in_hand_.find(&owner);
  if (--in_hand->second.blocks > 0) return;
  in_hand_.erase(in_hand);
  ended_.notify_all();
}

}  // namespace penstock::sink
