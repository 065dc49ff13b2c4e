#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/ids.h"
#include "stage/division.h"
#include "stage/lease_keeper.h"
#include "stage/leased_ownership.h"
#include "stage/ownership.h"

namespace penstock::stage {

/// How the replicas of a stage share its shards, as the flags say: with a name by leases, else by
/// number.
struct Sharing {
  std::string replica_name;
  LeaseTimes times;
  Replica replica;
};

/// The shards that this process may come to work on.
std::vector<ShardId> PossibleShards(const Sharing& sharing, std::uint32_t shards);

/// `stage`: as in the leases' keys ("sink", "transform-left"). Error "usage": the lease's times.
Result<std::unique_ptr<Ownership>> MakeOwnership(const Sharing& sharing, const std::string& stage,
                                                 std::uint32_t shards,
                                                 LeasedOwnership::Parts parts);

}  // namespace penstock::stage
