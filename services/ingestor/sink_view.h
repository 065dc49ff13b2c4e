#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ingestor/commit_tracker.h"
#include "io/key_value.h"
#include "model/shard_record.h"

namespace penstock::ingestor {

/// What a record of a source in front of a join has to come to before it counts as done.
struct JoinCommit {
  bool left = false;  ///< The side of the source.
  /// A transform shuffles: what was sent to one shard ends up in any.
  bool shuffled = false;
  /// Not only taken in, but past the time in which it could find a partner.
  bool after_window = false;
};

/// The sinks' records as the ingestor sees them: the birth that its sections carry, the progress
/// that lets Kafka's offset be committed, and what shows that rows were lost on the way.
/// Thread-safe.
///
/// In front of a join a record is done when the join has taken it in and the sink has confirmed
/// what says so; where a transform shuffles, in every shard.
class SinkView {
 public:
  SinkView(io::KeyValue& bucket, std::uint32_t shards, std::string source_id,
           CommitTracker& tracker, const Clock& clock, std::optional<JoinCommit> join = {});

  /// Loads every shard's record, making those that do not exist yet, and follows their changes from
  /// then on. Waits out an unavailable server until `stop`.
  Status Start(std::stop_token stop);

  std::uint64_t Birth(ShardId shard) const { return births_[shard.rep()].load(); }

 private:
  /// An origin's records that were sent to one shard.
  using Share = std::pair<Origin, ShardId>;

  void Take(ShardId shard, const ShardRecord& record);
  void TakeJoin(ShardId shard, const JoinCheckpoint& checkpoint);
  void ConfirmJoin(ShardId shard, const JoinCheckpoint& checkpoint);
  void TakeShuffled(ShardId shard, Share share, Offset last);
  void OnChange(const std::string& key, const std::optional<io::KeyValueEntry>& entry);

  io::KeyValue& bucket_;
  const std::string source_id_;
  CommitTracker& tracker_;
  const Clock& clock_;
  const std::optional<JoinCommit> join_;
  // By shard: what its record says of shuffled shares. Of Start, then of the watch's thread.
  std::vector<std::map<Share, Offset>> taken_;
  std::vector<std::atomic<std::uint64_t>> births_;
  std::unique_ptr<io::KeyValue::Watch> watch_;
};

}  // namespace penstock::ingestor
