#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "telemetry/health.h"

namespace penstock::stage {

/// What a stage does for one shard, on threads of its own.
class OwnedShard {
 public:
  virtual ~OwnedShard() = default;

  virtual void Start() = 0;
  /// Ends after the message in hand; what is not done with is the next owner's.
  virtual void RequestStop() = 0;
  /// Waits until it has ended.
  virtual void Join() = 0;
  /// The error that ended the shard, if one did: it needs somebody, or a restart.
  virtual std::optional<Error> failure() const = 0;
  /// It goes on where the last owner ended.
  virtual bool started() const = 0;
};

/// Runs the shards that this process owns, until it is stopped.
///
/// A shard that stops by itself (a message of another version) leaves the others running: it is
/// said in the log and the readiness probe. A shard that another process has taken over ends the
/// process: it is not wanted any more.
///
/// Threads: one, the caller of Run.
class ShardLoop {
 public:
  struct Parts {
    std::vector<std::unique_ptr<OwnedShard>>& shards;
    const Clock& clock;
    Health& health;
  };

  /// `stage` names the heartbeat.
  ShardLoop(const std::string& stage, Parts parts);

  Status Run(std::stop_token stop);

 private:
  Status Check();

  Parts parts_;
  Health::Condition shards_;
  Health::Heartbeat heartbeat_;
};

}  // namespace penstock::stage
