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

}  // namespace penstock::sink
