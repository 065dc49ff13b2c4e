#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "ingestor/commit_tracker.h"
#include "ingestor/ingestor_metrics.h"
#include "ingestor/stream_room.h"
#include "io/stream.h"
#include "model/ids.h"

namespace penstock::ingestor {

/// Looks after the streams that the ingestor writes to: makes one that is gone again, and sees when
/// one was replaced by another or has lost its end, so that what it held is read from Kafka again.
/// Thread-safe, but for Look: one thread.
class StreamWatch {
 public:
  struct Parts {
    io::Streams& streams;
    CommitTracker& tracker;
    IngestorMetrics& metrics;
    /// In front of a join; else null.
    StreamRoom* room = nullptr;
  };

  /// `shards`: the stream of each; `dead_letters`: theirs.
  StreamWatch(std::vector<io::StreamConfig> shards, io::StreamConfig dead_letters, Parts parts);

  /// Asks the server about every stream; one that it does not tell of stays as it was known. About
  /// once a second.
  void Look();

  /// The stream as it was last seen: Position::created_ns.
  std::int64_t CreatedNs(ShardId shard) const;
  /// A message of ours was acknowledged there.
  void Acknowledged(ShardId shard, StreamSeq seq);

 private:
  struct Seen {
    std::atomic<std::int64_t> created_ns{0};
    std::atomic<std::uint64_t> acknowledged{0};
    StreamSeq last{0};
    bool gone = false;
  };

  void Look(ShardId shard);
  Result<io::StreamState> StateOf(const io::StreamConfig& config, bool& was_gone);

  const std::vector<io::StreamConfig> shards_;
  const io::StreamConfig dead_letters_;
  Parts parts_;
  std::vector<Seen> seen_;  // By shard.
  bool dead_letters_gone_ = false;
};

}  // namespace penstock::ingestor
