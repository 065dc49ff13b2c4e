#pragma once

#include <stop_token>
#include <utility>
#include <vector>

#include "base/wait.h"
#include "stage/division.h"
#include "stage/ownership.h"

namespace penstock::stage {

/// A fixed part of the shards, for as long as the process runs. Somebody else who works on one of
/// them was given the same part: then this process ends.
class StaticOwnership final : public Ownership {
 public:
  StaticOwnership(Replica replica, std::uint32_t shards) : shards_(OwnedShards(replica, shards)) {}

  Result<Change> Next(Clock::Time deadline, std::stop_token stop) override {
    if (!shards_.empty())
      return Change{.take = std::exchange(shards_, {}), .give_up = {}, .lost = {}};
    WaitUntil(deadline, std::move(stop));
    return Change{};
  }
  void Ended(ShardId) override {}
  Status Overtaken(const Error& conflict) override { return conflict; }
  void Leave() override {}

 private:
  std::vector<ShardId> shards_;  // Not told yet.
};

}  // namespace penstock::stage
