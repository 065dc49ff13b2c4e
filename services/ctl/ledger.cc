#include "ctl/ledger.h"

#include <algorithm>
#include <tuple>

#include "ctl/dead_letters.h"
#include "ctl/replay.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"

namespace penstock::ctl {

namespace {

PartitionPlace PlaceOf(const Origin& origin) {
  return {.source_id = std::string(SourceOf(origin)),
          .topic = origin.topic,
          .partition = origin.partition};
}

OriginLedger& OriginIn(std::vector<OriginLedger>& origins, const Origin& origin) {
  const auto age = [](const OriginLedger& ledger) {
    return std::tie(ledger.origin.generation, ledger.origin.incarnation);
  };
  const auto at =
      std::ranges::lower_bound(origins, std::tie(origin.generation, origin.incarnation), {}, age);
  if (at != origins.end() && at->origin == origin) return *at;
  return *origins.insert(at, OriginLedger{.origin = origin});
}

void AddShare(OriginLedger& ledger, const OriginLedger::Share& share) {
  const OriginProgress& progress = share.progress;
  const bool is_first = ledger.shares.empty();
  ledger.account += progress.account;
  ledger.confirmed = std::max(ledger.confirmed, progress.confirmed);
  if (is_first || !progress.first) {
    ledger.first = progress.first;
  } else if (ledger.first) {
    ledger.first = std::min(*ledger.first, *progress.first);
  }
  ledger.shares.push_back(share);
}

void AddRecord(Ledger& ledger, ShardId shard, const ShardRecord& record) {
  for (const auto& [origin, progress] : record.progress) {
    const OriginLedger::Share share{.shard = shard, .birth = record.birth, .progress = progress};
    if (origin == JoinOrigin(shard)) {
      OriginLedger& joined = ledger.joined[shard];
      joined.origin = origin;
      AddShare(joined, share);
      continue;
    }
    PartitionLedger& partition = ledger.partitions[PlaceOf(origin)];
    if (IsReplay(origin)) {
      partition.replayed += progress.account;
    } else {
      AddShare(OriginIn(partition.origins, origin), share);
    }
  }
  for (const Intent& intent : record.intents) {
    for (const IntentRange& range : intent.ranges) {
      ledger.undecided[PlaceOf(range.origin)] +=
          static_cast<std::uint64_t>(range.hi.rep() - range.lo.rep());
    }
  }
}

}  // namespace

std::uint64_t Ledger::rows() const {
  std::uint64_t rows = 0;
  for (const auto& [place, partition] : partitions) {
    rows += partition.replayed[Outcome::kRow];
    for (const OriginLedger& origin : partition.origins) rows += origin.account[Outcome::kRow];
  }
  for (const auto& [shard, steps] : joined) rows += steps.account[Outcome::kRow];
  return rows;
}

std::uint64_t Ledger::undecided_rows() const {
  std::uint64_t rows = 0;
  for (const auto& [place, count] : undecided) rows += count;
  return rows;
}

Result<Ledger> ReadLedger(io::KeyValue& bucket, std::uint32_t shards) {
  Ledger ledger;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto entry,
                              bucket.Get(protocol::ShardRecordKey(ShardId(shard))));
    if (!entry) continue;
    auto record = protocol::DecodeShardRecord(entry->value);
    if (!record.ok()) {
      return std::move(record).error().Within(fmt::format("the record of shard {}", shard));
    }
    AddRecord(ledger, ShardId(shard), record.value());
  }
  return ledger;
}

}  // namespace penstock::ctl
