#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/origin_record.h"

namespace penstock::ingestor {

/// Why records that JetStream had acknowledged have to be read from Kafka once more.
enum class LossReason : std::uint8_t {
  kStream,  ///< A stream was replaced, or has lost its end.
  kRecord,  ///< The sink's record was made anew.
  kPassed,  ///< Who reads the stream has passed them and left them out.
};
inline constexpr std::size_t kLossReasons = 3;
std::string_view ToText(LossReason reason);

/// Knows, for each partition, up to where every record is in ClickHouse or accounted for: what
/// may be committed to Kafka (docs/delivery-guarantees.md, "the commit"); up to where all is
/// published; and which partitions have lost something on the way and have to go back.
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
  explicit CommitTracker(std::uint32_t shards) : confirmed_(shards), passed_(shards) {}

  /// One stay of a partition with this process: calls with an older one are of no effect, so that
  /// what an earlier stay left behind cannot disturb the present one.
  struct Stay {
    std::int32_t partition = 0;
    std::uint64_t number = 0;
    friend bool operator==(const Stay&, const Stay&) = default;
  };
  /// A place that may be committed, and the record before it.
  struct Place {
    Offset next;
    std::optional<RecordMark> before{};
    friend bool operator==(const Place&, const Place&) = default;
  };
  /// Where a stay begins.
  struct Beginning {
    Origin origin;
    Place committed;  ///< In Kafka.
    Offset read_from;
    /// How far what is below `read_from` was published, by an earlier stay.
    std::vector<PublishedInShard> published{};
    /// As of `losses` before it was looked whether the streams still have that.
    std::uint64_t losses = 0;
  };

  Stay Start(const Beginning& beginning);
  void Remove(std::int32_t partition);

  /// A section of the shard begins with the record `first`, which follows `before`.
  void Open(Stay stay, ShardId shard, Offset first, std::optional<RecordMark> before = {});
  /// The shard's oldest section that is not sealed ends with `last`, and JetStream has it.
  void Seal(Stay stay, ShardId shard, Offset last, const Position& position);
  /// Every record below `place.next` has been put into a section.
  void Advance(Stay stay, const Place& place);
  /// The sink has confirmed the origin's records of the shard up to `last`.
  void Confirm(const Origin& origin, ShardId shard, Offset last);
  /// Whoever reads the shard's stream has come as far as `input`, and Confirm has been told all
  /// that this brought.
  void Passed(ShardId shard, const Position& input);
  /// Nothing that was published into the shard and is not confirmed counts any more; with kRecord,
  /// nor does what was confirmed.
  void Lose(ShardId shard, LossReason reason);
  /// How often something was lost.
  std::uint64_t losses() const;

  struct Lost {
    std::int32_t partition = 0;
    LossReason reason{};
  };
  /// The partitions that have to go back; each is told once a stay.
  std::vector<Lost> TakeLost();

  /// What may be committed; empty for a partition that is not started.
  std::optional<Place> Committable(std::int32_t partition);
  /// The offset after the last record that is in a section, as of Advance.
  std::optional<Offset> ReadUpTo(std::int32_t partition) const;
  /// Remembers that Kafka has acknowledged this commit.
  void Committed(std::int32_t partition, const Place& place);
  /// The last acknowledged commit: what sections carry.
  Offset LastCommitted(std::int32_t partition) const;
  /// What the sink has confirmed of the origin in the shard; -1: nothing.
  Offset Confirmed(const Origin& origin, ShardId shard) const;
  /// What the next owner has to know.
  std::optional<OriginRecord> Record(std::int32_t partition) const;

 private:
  struct OpenSection {
    Place first;
    Offset last;
    Position position;
    bool sealed = false;
    bool inherited = false;  ///< Of an earlier stay: all that is not confirmed of it.
  };
  struct Partition {
    std::uint64_t stay = 0;
    Origin origin;
    Place next;
    Place committed;
    std::map<ShardId, std::deque<OpenSection>> open;
    std::map<ShardId, PublishedInShard> published;
    std::optional<LossReason> lost;
    bool lost_told = false;
  };

  Partition* Find(Stay stay);
  static void DropDone(std::deque<OpenSection>& sections, Offset confirmed);
  Offset ConfirmedIn(const Origin& origin, ShardId shard) const;
  static Offset Published(const Partition& partition);
  static bool IsPassed(const OpenSection& section, const Position& input);

  mutable std::mutex mutex_;
  std::map<std::int32_t, Partition> partitions_;
  std::uint64_t stays_ = 0;
  std::uint64_t losses_ = 0;
  // By shard, then origin: what the sink has confirmed, also of partitions that we do not own.
  std::vector<std::map<Origin, Offset>> confirmed_;
  std::vector<Position> passed_;  // By shard: how far its stream was read.
};

}  // namespace penstock::ingestor
