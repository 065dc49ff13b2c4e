#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "join/shard_joiner.h"
#include "telemetry/health.h"

namespace penstock::join {

/// Runs the shards that this process owns, until it is stopped.
///
/// A shard that stops by itself (a message of another version) leaves the others running: it is
/// said in the log and the readiness probe. A shard that another process has taken over ends the
/// process: it is not wanted any more.
///
/// Threads: one, the caller of Run.
class Join {
 public:
  struct Parts {
    std::vector<std::unique_ptr<ShardJoiner>>& shards;
    const Clock& clock;
    Health& health;
  };

  explicit Join(Parts parts);

  Status Run(std::stop_token stop);

 private:
  Status Check();

  Parts parts_;
  Health::Condition shards_;
  Health::Heartbeat heartbeat_;
};

}  // namespace penstock::join
