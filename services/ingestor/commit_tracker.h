#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "model/ids.h"

namespace penstock::ingestor {

/// Knows, for each partition, up to where every record is in ClickHouse or accounted for: what
/// may be committed to Kafka (docs/delivery-guarantees.md, "the commit").
///
/// A record counts from the moment its section is opened until the section was acknowledged by
/// JetStream and the shard's sink has confirmed it (SinkView knows what that means). So the
/// committable offset is the first record of the oldest section that is not done, or what was read,
/// when all are.
///
/// Thread-safe: workers open and seal, the watch on the sink's records confirms, the poll thread
/// asks. One call a section, not a record.
class CommitTracker {
 public:
  explicit CommitTracker(std::uint32_t shards) : confirmed_(shards) {}

  /// One stay of a partition with this process: calls with an older one are of no effect, so that
  /// what an earlier stay left behind cannot disturb the present one.
  struct Stay {
    std::int32_t partition = 0;
    std::uint64_t number = 0;
    friend bool operator==(const Stay&, const Stay&) = default;
  };

  /// Starts a partition at the offset that is committed.
  Stay Start(std::int32_t partition, Offset committed);
  void Remove(std::int32_t partition);

  /// A section of the shard begins with this record.
  void Open(Stay stay, ShardId shard, Offset first);
  /// The shard's oldest section that is not sealed ends with `last` and JetStream has it.
  void Seal(Stay stay, ShardId shard, Offset last);
  /// Every record below `next` has been put into a section.
  void Advance(Stay stay, Offset next);
  /// The sink has confirmed the partition's records of the shard up to `last`.
  void Confirm(std::int32_t partition, ShardId shard, Offset last);

  /// What may be committed; empty for a partition that is not started.
  std::optional<Offset> Committable(std::int32_t partition);
  /// The offset after the last record that is in a section, as of Advance.
  std::optional<Offset> ReadUpTo(std::int32_t partition) const;
  /// Remembers that Kafka has acknowledged this commit.
  void Committed(std::int32_t partition, Offset next);
  /// The last acknowledged commit: what sections carry.
  Offset LastCommitted(std::int32_t partition) const;

 private:
  struct OpenSection {
    Offset first;
    Offset last;
    bool sealed = false;
  };
  struct Partition {
    std::uint64_t stay = 0;
    Offset next;
    Offset committed;
    std::map<ShardId, std::deque<OpenSection>> open;
  };

  Partition* Find(Stay stay);
  static void DropDone(std::deque<OpenSection>& sections, Offset confirmed);
  Offset ConfirmedIn(std::int32_t partition, ShardId shard) const;

  mutable std::mutex mutex_;
  std::map<std::int32_t, Partition> partitions_;
  std::uint64_t stays_ = 0;
  // By shard, then partition: what the sink has confirmed, also of partitions that we do not own.
  std::vector<std::map<std::int32_t, Offset>> confirmed_;
};

}  // namespace penstock::ingestor
