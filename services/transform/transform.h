#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "telemetry/health.h"
#include "transform/shard_transformer.h"

namespace penstock::transform {

/// Runs the shards that this process owns, until it is stopped.
///
/// A shard that stops by itself (a message of another version) leaves the others running: it is
/// said in the log and the readiness probe. A shard that another process has taken over ends the
/// process: it is not wanted any more.
///
/// Threads: one, the caller of Run.
class Transform {
 public:
  struct Parts {
    std::vector<std::unique_ptr<ShardTransformer>>& shards;
    const Clock& clock;
    Health& health;
  };

  explicit Transform(Parts parts);

  Status Run(std::stop_token stop);

 private:
  Status Check();

  Parts parts_;
  Health::Condition shards_;
  Health::Heartbeat heartbeat_;
};

}  // namespace penstock::transform
