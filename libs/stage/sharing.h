#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/key_value.h"
#include "model/ids.h"
#include "stage/division.h"
#include "stage/lease_keeper.h"
#include "stage/ownership.h"
#include "telemetry/metrics.h"

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
                                                 std::uint32_t shards, io::KeyValue& bucket,
                                                 const Clock& clock, Metrics& metrics);

}  // namespace penstock::stage
