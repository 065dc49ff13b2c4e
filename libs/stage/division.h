#pragma once

#include <cstdint>
#include <vector>

#include "model/ids.h"

namespace penstock::stage {

/// Which of a stage's replicas this process is, where shards are divided by number: `index` of
/// `count`, from 0.
struct Replica {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
};

/// The shards of a replica: every count-th, so that each shard has exactly one owner.
inline std::vector<ShardId> OwnedShards(Replica replica, std::uint32_t shards) {
  std::vector<ShardId> owned;
  for (std::uint32_t shard = replica.index; shard < shards; shard += replica.count) {
    owned.emplace_back(shard);
  }
  return owned;
}

}  // namespace penstock::stage
