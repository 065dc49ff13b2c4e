#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/stream.h"
#include "model/ids.h"

namespace penstock::ingestor {

/// Whether the streams in front of a join have room for rows. A tenth of each is left to the
/// clocks: in a stream that is full of rows time could not go on, and nothing would ever leave it.
///
/// Between two looks at the server it counts what this process adds. Thread-safe.
class StreamRoom {
 public:
  /// One stream a shard.
  StreamRoom(io::Streams& streams, std::vector<std::string> names);

  /// Asks the server about every stream; one that it does not tell of stays as it was known. About
  /// once a second; one thread.
  void Look();
  /// So many bytes were added since.
  void Published(ShardId shard, std::size_t bytes);
  bool Has(ShardId shard) const;

 private:
  struct Room {
    std::atomic<std::uint64_t> published{0};
    std::atomic<std::uint64_t> limit{UINT64_MAX};  // There is room as long as less is published.
  };

  io::Streams& streams_;
  const std::vector<std::string> names_;
  std::vector<Room> rooms_;  // By shard.
};

}  // namespace penstock::ingestor
