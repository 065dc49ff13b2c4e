#include "ingestor/stream_room.h"

#include <algorithm>
#include <utility>

namespace penstock::ingestor {

namespace {

// What the server keeps with a message beside its data, generously.
constexpr std::uint64_t kMessageBytes = 128;

}  // namespace

StreamRoom::StreamRoom(io::Streams& streams, std::vector<std::string> names)
    : streams_(streams), names_(std::move(names)), rooms_(names_.size()) {}

void StreamRoom::Look() {
  for (std::size_t shard = 0; shard < names_.size(); ++shard) {
    Room& room = rooms_[shard];
    // Before the question: what is published meanwhile may count twice, never not at all.
    const std::uint64_t published = room.published;
    const auto state = streams_.State(names_[shard]);
    if (!state.ok()) continue;
    const std::uint64_t most = state.value().max_bytes / 10 * 9;
    const std::uint64_t left = most - std::min(most, state.value().bytes);
    room.limit = state.value().max_bytes == 0 ? UINT64_MAX : published + left;
  }
}

void StreamRoom::Published(ShardId shard, std::size_t bytes) {
  rooms_[shard.rep()].published += bytes + kMessageBytes;
}

bool StreamRoom::Has(ShardId shard) const {
  const Room& room = rooms_[shard.rep()];
  return room.published < room.limit;
}

}  // namespace penstock::ingestor
