#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/key_value.h"
#include "model/shard_record.h"

namespace penstock::ctl {

/// An origin in the records of all shards.
struct OriginLedger {
  /// What one shard's record says of it.
  struct Share {
    ShardId shard;
    std::uint64_t birth = 0;  ///< Of the shard's record.
    OriginProgress progress;
  };

  Origin origin{};
  std::vector<Share>
      shares{};       ///< In the order of the shards; those that have nothing are left out.
  Account account{};  ///< Of all of them.
  /// Where the earliest account of a shard begins; empty: a shard's record does not say.
  std::optional<Offset> first{};
  Offset confirmed{-1};  ///< The highest of any shard.
};

/// A partition as a source reads it.
struct PartitionPlace {
  std::string source_id;
  std::string topic;
  std::int32_t partition = 0;
  friend auto operator<=>(const PartitionPlace&, const PartitionPlace&) = default;
};

struct PartitionLedger {
  std::vector<OriginLedger> origins;  ///< The oldest generation and incarnation first.
  Account replayed;  ///< Of dead letters of this partition that were sent again, each attempt.
};

/// All that the sinks' records of a pipeline say.
struct Ledger {
  std::map<PartitionPlace, PartitionLedger> partitions;
  /// Of a pipeline with a join: the steps of each shard.
  std::map<ShardId, OriginLedger> joined;
  /// Rows of open intents: at most so many may be in the table and not in an account yet.
  std::map<PartitionPlace, std::uint64_t> undecided;

  std::uint64_t rows() const;
  std::uint64_t undecided_rows() const;
};

/// Reads the records of all shards, one after the other: while the pipeline runs, later ones are
/// younger. A shard without a record has done nothing.
Result<Ledger> ReadLedger(io::KeyValue& bucket, std::uint32_t shards);

}  // namespace penstock::ctl
