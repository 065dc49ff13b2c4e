#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ids.h"

namespace penstock::io {

/// One Kafka record. The views live as long as the RecordChunk that holds it.
struct Record {
  Offset offset;
  std::int64_t timestamp_ms = 0;
  std::string_view key;
  std::string_view value;
  bool has_value = true;  ///< False: a tombstone.
};

/// Consecutive records of one partition, in order. Owns their memory; moves between threads.
class RecordChunk {
 public:
  virtual ~RecordChunk() = default;
  virtual std::int32_t partition() const = 0;
  virtual std::span<const Record> records() const = 0;
  /// Bytes of memory that the chunk keeps alive.
  virtual std::size_t bytes() const = 0;
  /// Headers of record `index` as one JSON object text; made on each call. Repeated names: last
  /// wins.
  virtual std::string HeadersJson(std::size_t index) const = 0;
};

/// The consumer group gives us these partitions. Nothing is read before `StartReading`.
struct Assigned {
  std::vector<std::int32_t> partitions;
};
/// The group takes these away; nothing more is read from them. The group waits (for at most the
/// session time-out) until `GiveUp` is called. `lost`: they already belong to somebody else, and
/// commits would be refused.
struct Revoked {
  std::vector<std::int32_t> partitions;
  bool lost = false;
};
/// Everything below `next` has been delivered or does not exist (compacted away, control records).
/// Told again after a Resume, if it is still the end.
struct ReachedEnd {
  std::int32_t partition = 0;
  Offset next;
};
/// Something that the client retries by itself, or (kStop) that it cannot repair: authentication
/// refused, unknown topic, no authority. It is reported again while it lasts.
struct SourceTrouble {
  Error error;
};
using SourceEvent =
    std::variant<std::unique_ptr<RecordChunk>, Assigned, Revoked, ReachedEnd, SourceTrouble>;

struct CommittedOffset {
  Offset next;           ///< The next to read.
  std::string metadata;  ///< As committed with it.
};
struct OffsetToCommit {
  std::int32_t partition = 0;
  Offset next;
  std::string metadata;
};
struct Watermarks {
  Offset low;   ///< The first that exists.
  Offset high;  ///< One past the last.
};

/// One topic read as a member of a consumer group (cooperative rebalance, manual commits).
/// One thread, the poll thread, calls everything; no call blocks longer than its deadline, except
/// that Poll may take two seconds more when a partition's next offset is gone and its start has to
/// be asked for.
class RecordSource {
 public:
  virtual ~RecordSource() = default;

  /// Waits until `deadline` for events; what is there is returned at once, up to about a thousand
  /// records, those of one partition together. Must be called at least every few seconds, paused or
  /// not: it keeps the membership alive.
  virtual std::vector<SourceEvent> Poll(Clock::Time deadline) = 0;

  /// Begins reading assigned partitions at the given offsets.
  virtual Status StartReading(std::span<const OffsetToCommit> from) = 0;
  /// Ends the rebalance for these partitions, after what had to be finished is.
  virtual Status GiveUp(std::span<const std::int32_t> partitions) = 0;

  virtual Status Pause(std::span<const std::int32_t> partitions) = 0;
  virtual Status Resume(std::span<const std::int32_t> partitions) = 0;

  /// What the group has committed; nothing for a partition without a commit.
  virtual Result<std::vector<std::optional<CommittedOffset>>> Committed(
      std::span<const std::int32_t> partitions, Clock::Time deadline) = 0;
  /// Waits for the broker's answer: an error means that nothing, or not all, was committed.
  virtual Status Commit(std::span<const OffsetToCommit> offsets, Clock::Time deadline) = 0;

  virtual Result<Watermarks> QueryWatermarks(std::int32_t partition, Clock::Time deadline) = 0;
  /// The first offset with a timestamp at or after `timestamp_ms`; the end if there is none.
  virtual Result<Offset> OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                                      Clock::Time deadline) = 0;
  /// How many partitions the topic has.
  virtual Result<std::int32_t> PartitionCount(Clock::Time deadline) = 0;

  /// The end of the partition as the last fetch showed it, without asking the broker; empty
  /// before the first fetch.
  virtual std::optional<Offset> KnownEnd(std::int32_t partition) = 0;

  /// Leaves the group; no further calls but the destructor.
  virtual void Close() = 0;
};

}  // namespace penstock::io
