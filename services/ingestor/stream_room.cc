#include "ingestor/stream_room.h"

#include <algorithm>

namespace penstock::ingestor {

namespace {

// What the server keeps with a message beside its data, generously.
constexpr std::uint64_t kMessageBytes = 128;

}  // namespace

void StreamRoom::Seen(ShardId shard, std::uint64_t published, const io::StreamState& state) {
  const std::uint64_t most = state.max_bytes / 10 * 9;
  const std::uint64_t left = most - std::min(most, state.bytes);
  rooms_[shard.rep()].limit = state.max_bytes == 0 ? UINT64_MAX : published + left;
}

void StreamRoom::Published(ShardId shard, std::size_t bytes) {
  rooms_[shard.rep()].published += bytes + kMessageBytes;
}

bool StreamRoom::Has(ShardId shard) const {
  const Room& room = rooms_[shard.rep()];
  return room.published < room.limit;
}

}  // namespace penstock::ingestor
