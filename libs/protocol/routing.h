#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "model/ids.h"

namespace penstock::protocol {

/// Offsets of one partition go to one shard in runs of this length, so that a batch has rows of
/// few origins and compresses well; the runs rotate over the shards.
inline constexpr std::int64_t kRunLength = 4096;

/// The shard of a record without a key: a function of its coordinates alone, so that a replayed
/// record goes to the same shard again.
inline ShardId ShardOf(std::int32_t partition, Offset offset, std::uint32_t shards) {
  const auto run = static_cast<std::uint64_t>(offset.rep() / kRunLength);
  return ShardId(
      static_cast<std::uint32_t>((run + static_cast<std::uint64_t>(partition)) % shards));
}

/// The shard of a record with a dedup or join key.
inline ShardId ShardOfKey(std::string_view key, std::uint32_t shards) {
  return ShardId(static_cast<std::uint32_t>(Hash64(key) % shards));
}

}  // namespace penstock::protocol
