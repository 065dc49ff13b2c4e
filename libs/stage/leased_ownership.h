#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/key_value.h"
#include "stage/lease_keeper.h"
#include "stage/ownership.h"
#include "telemetry/metrics.h"

namespace penstock::stage {

/// The shards whose leases this replica has: they come and go with the other replicas of the stage.
/// Its leases and its heartbeat are kept by a thread of its own, however long the owner of the
/// shards is busy.
class LeasedOwnership final : public Ownership {
 public:
  struct Options {
    std::string stage;    ///< As in the keys: "sink", "transform-left".
    std::string replica;  ///< Any name; in the bucket it is cleaned as a pipeline's is.
    std::uint32_t shards = 0;
    LeaseTimes times;
  };
  struct Parts {
    io::KeyValue& bucket;
    std::function<Status()> make_bucket;  ///< Makes it again when it is gone.
    const Clock& clock;
    Metrics& metrics;
  };

  LeasedOwnership(Options options, Parts parts);
  /// Says that this replica is gone, when every shard has ended; waits a moment at most.
  ~LeasedOwnership() override;

  Result<Change> Next(Clock::Time deadline, std::stop_token stop) override;
  void Ended(ShardId shard) override;
  /// The lease decides who has the shard.
  Status Overtaken(const Error&) override { return Done{}; }
  void Leave() override;

 private:
  using Told = std::pair<std::string, std::optional<io::KeyValueEntry>>;

  void Run(std::stop_token stop);
  Status Watch(std::stop_token stop);
  void TakeIn(std::vector<Told> told, std::vector<ShardId> ended, bool leave);
  void GiveBack();
  void Hear(const std::string& key, const std::optional<io::KeyValueEntry>& entry);

  const Options options_;
  Parts parts_;
  LeaseKeeper keeper_;  // The thread's alone.

  std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_: what the thread is told, and what it tells.
  std::vector<Told> told_;
  std::vector<ShardId> ended_;
  bool leave_ = false;
  Change change_;
  std::optional<Error> failure_;
  bool left_ = false;

  std::vector<std::unique_ptr<io::KeyValue::Watch>> watches_;  // The thread's alone.
  std::jthread thread_;
};

}  // namespace penstock::stage
