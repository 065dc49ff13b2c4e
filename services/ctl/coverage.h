#pragma once

#include <cstdint>

#include "ctl/ledger.h"
#include "io/record_fetcher.h"
#include "model/ids.h"

namespace penstock::ctl {

/// How many offsets of [from, to) go to `shard` where records are routed by their place
/// (protocol::ShardOf).
std::int64_t OffsetsOfShard(const io::OffsetRange& range, ShardId shard, std::uint32_t shards);

/// Which offsets the account of an origin has an outcome of, as far as they have a record: all from
/// the origin's first one to the group's commit, and beyond it those up to what their shard's sink
/// has confirmed. Where records are routed by a key nobody can tell the shard of an offset, so that
/// how many of the latter there are has bounds only.
class Coverage {
 public:
  struct Options {
    std::uint32_t shards = 0;
    bool routed_by_place = false;
    /// Kafka's commit, where it is one of this origin; else 0.
    Offset settled{0};
  };
  struct Count {
    std::int64_t least = 0;
    std::int64_t most = 0;
  };

  /// `ledger` is borrowed; where it does not say where it begins, it is taken to begin at 0, and
  /// nothing has to be there.
  Coverage(const OriginLedger& ledger, Options options);

  Offset from() const { return from_; }
  Offset to() const { return to_; }  ///< Behind the last offset that may be covered.
  /// How many offsets of [from, to) are.
  Count In(Offset from, Offset to) const;

 private:
  const OriginLedger& ledger_;
  const Options options_;
  Offset from_;
  Offset to_;
};

}  // namespace penstock::ctl
