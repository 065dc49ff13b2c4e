#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "io/stream.h"
#include "model/ids.h"

namespace penstock::ingestor {

/// Whether the streams in front of a join have room for rows. A tenth of each is left to the
/// clocks: in a stream that is full of rows time could not go on, and nothing would ever leave it.
///
/// Between two looks at the server, which StreamWatch has, it counts what this process adds.
/// Thread-safe.
class StreamRoom {
 public:
  explicit StreamRoom(std::uint32_t shards) : rooms_(shards) {}

  /// The shard's stream looks like this; `published` was asked for before the server was.
  void Seen(ShardId shard, std::uint64_t published, const io::StreamState& state);
  std::uint64_t published(ShardId shard) const { return rooms_[shard.rep()].published; }
  /// So many bytes were added since.
  void Published(ShardId shard, std::size_t bytes);
  bool Has(ShardId shard) const;

 private:
  struct Room {
    std::atomic<std::uint64_t> published{0};
    std::atomic<std::uint64_t> limit{UINT64_MAX};  // There is room as long as less is published.
  };

  std::vector<Room> rooms_;  // By shard.
};

}  // namespace penstock::ingestor
