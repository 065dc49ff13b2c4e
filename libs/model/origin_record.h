#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/batch.h"
#include "model/ids.h"

namespace penstock {

/// What tells a Kafka record from another one that has taken its offset in a topic made anew.
struct RecordMark {
  Offset offset;
  std::uint64_t digest = 0;  ///< Of timestamp, key and value.
  friend bool operator==(const RecordMark&, const RecordMark&) = default;
};

/// What the ingestor says with a committed offset, in the commit's metadata.
struct CommitMark {
  std::uint32_t generation = 1;
  std::uint32_t incarnation = 1;
  /// The last record before the committed offset; empty: not known.
  std::optional<RecordMark> before{};
  friend bool operator==(const CommitMark&, const CommitMark&) = default;
};

/// How far a partition was published into one shard.
struct PublishedInShard {
  ShardId shard;
  Offset last;        ///< The end of the last section that JetStream has acknowledged.
  Position position;  ///< The message that has it.
  friend bool operator==(const PublishedInShard&, const PublishedInShard&) = default;
};

/// The ingestor's record of a partition: one key-value entry, written with compare-and-swap.
struct OriginRecord {
  Offset committed{0};  ///< Kafka's, as of this record.
  CommitMark mark;      ///< What that commit's metadata says.
  Offset published{0};  ///< Every record below is in a batch that JetStream has acknowledged.
  std::vector<PublishedInShard> shards;  ///< Sorted. Those that ever got a section.
  friend bool operator==(const OriginRecord&, const OriginRecord&) = default;
};

}  // namespace penstock
