#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"
#include "stage/owned_shard.h"
#include "stage/ownership.h"
#include "telemetry/health.h"
#include "telemetry/metrics.h"

namespace penstock::stage {

/// Runs the shards that this process owns, while they come and go, until it is stopped.
///
/// A shard that stops by itself leaves the others running. One whose failure is kRetry (its stream
/// was replaced) begins anew, after a pause that grows as long as it does not run well; any other
/// (a message of another version) stays as it is. Both are said in the log, once, and in the
/// readiness probe. What a shard's end by another owner means says the ownership. A process without
/// shards is ready.
///
/// Threads: one, the caller of Run.
class ShardSet {
 public:
  struct Options {
    std::string stage;            ///< For the liveness probe.
    Clock::Duration drain_limit;  ///< How long a shard may finish what it has in hand.
    Clock::Duration check_interval = std::chrono::milliseconds(500);
    /// Before a shard begins anew. A stream that was just deleted is not made again at once: some
    /// versions of nats-server are still at work on its files then, and die of it.
    std::chrono::milliseconds first_pause = std::chrono::seconds(1);
  };
  /// Sees to its streams, opens what the shard needs and makes it; also when it begins anew. A
  /// kRetry error is tried again, with growing pauses; any other ends the process.
  using Make = std::function<Result<std::unique_ptr<OwnedShard>>(ShardId shard)>;
  struct Parts {
    Ownership& ownership;
    Make make;
    std::function<void(ShardId)> given_up;  ///< The shard is not here any more; may be empty.
    const Clock& clock;
    Health& health;
    Metrics& metrics;
  };

  ShardSet(Options options, Parts parts);

  Status Run(std::stop_token stop);

 private:
  struct Slot {
    std::unique_ptr<OwnedShard> shard{};   // Null until it could be made.
    std::optional<Clock::Time> stop_by{};  // It is being given up.
    std::optional<Error> trouble{};        // Why it is not there, or does nothing; as was said.
    Backoff backoff{};
    Clock::Time try_at{};
    Clock::Time made_at{};
  };
  using Slots = std::map<ShardId, Slot>;

  Status Turn(std::stop_token stop);
  void Take(ShardId shard);
  void GiveUp(ShardId shard);
  Status MakeMissing();
  /// Destroys the shards that have ended, or had their time.
  void Reap();
  Status Check();
  void Fail(ShardId shard, Slot& slot, const Error& failure);
  void Say(ShardId shard, Slot& slot, const Error& trouble);
  void Pause(Slot& slot);
  static std::string WhyNotReady(const Slot& slot);
  void StopAll();
  Slots::iterator End(Slots::iterator slot);
  Clock::Time NextLook() const;

  const Options options_;
  Parts parts_;
  Slots slots_;
  Gauge owned_;
  Counter begun_anew_;
  Health::Condition shards_;
  Health::Heartbeat heartbeat_;
};

}  // namespace penstock::stage
