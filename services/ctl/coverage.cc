#include "ctl/coverage.h"

#include <algorithm>

#include "protocol/routing.h"

namespace penstock::ctl {

namespace {

std::int64_t Length(Offset from, Offset to) {
  return std::max<std::int64_t>(to.rep() - from.rep(), 0);
}

}  // namespace

std::int64_t OffsetsOfShard(const io::OffsetRange& range, ShardId shard, std::uint32_t shards) {
  using protocol::kRunLength;
  // The shard's run within each round of as many runs as there are shards.
  const std::int64_t run =
      (shard.rep() + shards - static_cast<std::uint32_t>(range.partition) % shards) % shards;
  const std::int64_t round = kRunLength * static_cast<std::int64_t>(shards);
  const auto below = [&](Offset offset) {
    const std::int64_t in_round = offset.rep() % round - run * kRunLength;
    return offset.rep() / round * kRunLength + std::clamp<std::int64_t>(in_round, 0, kRunLength);
  };
  return range.from < range.to ? below(range.to) - below(range.from) : 0;
}

Coverage::Coverage(const OriginLedger& ledger, Options options)
    : ledger_(ledger),
      options_(options),
      from_(ledger.first.value_or(Offset(0))),
      to_(std::max({from_, options.settled, Next(ledger.confirmed)})) {}

Coverage::Count Coverage::In(Offset from, Offset to) const {
  from = std::max(from, from_);
  to = std::min(to, to_);
  const std::int64_t settled = Length(from, std::min(to, options_.settled));
  Count count{.least = settled, .most = Length(from, to)};
  if (options_.routed_by_place) {
    count.most = settled;
    for (const OriginLedger::Share& share : ledger_.shares) {
      const io::OffsetRange beyond{.partition = ledger_.origin.partition,
                                   .from = std::max(from, options_.settled),
                                   .to = std::min(to, Next(share.progress.confirmed))};
      count.most += OffsetsOfShard(beyond, share.shard, options_.shards);
    }
    count.least = count.most;
  }
  if (!ledger_.first) count.least = 0;
  return count;
}

}  // namespace penstock::ctl
