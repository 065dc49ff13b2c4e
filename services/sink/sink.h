#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "sink/insert_pool.h"
#include "sink/shard_writer.h"
#include "telemetry/health.h"

namespace penstock::sink {

/// Runs the writers of the shards that this process owns, until it is stopped.
///
/// A shard that stops by itself (a stream with a gap, a message of another version) leaves the
/// others running: it is said in the log, a metric and the readiness probe. A shard that another
/// process has taken over ends the process: it is not wanted any more.
///
/// Threads: one, the caller of Run.
class Sink {
 public:
  struct Parts {
    std::vector<std::unique_ptr<ShardWriter>>& writers;
    InsertPool& pool;
    const Clock& clock;
    Health& health;
  };

  Sink(Clock::Duration drain_limit, Parts parts);

  Status Run(std::stop_token stop);

 private:
  Status Check();
  void Drain();

  const Clock::Duration drain_limit_;
  Parts parts_;
  Health::Condition shards_;
  Health::Heartbeat heartbeat_;
};

}  // namespace penstock::sink
