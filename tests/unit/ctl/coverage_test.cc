#include "ctl/coverage.h"

#include <random>

#include <gtest/gtest.h>

#include "base/format.h"
#include "protocol/routing.h"

namespace penstock::ctl {
namespace {

OriginLedger Ledger(std::int32_t partition, std::int64_t first) {
  OriginLedger ledger;
  ledger.origin = {"s", "t", partition, 1, 1};
  ledger.first = Offset(first);
  return ledger;
}
void AddShare(OriginLedger& ledger, std::uint32_t shard, std::int64_t confirmed) {
  OriginLedger::Share& share = ledger.shares.emplace_back();
  share.shard = ShardId(shard);
  share.progress.confirmed = Offset(confirmed);
  ledger.confirmed = std::max(ledger.confirmed, Offset(confirmed));
}

TEST(OffsetsOfShard, CountsWhatTheRoutingSendsThere) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    const auto partition = static_cast<std::int32_t>(random() % 40);
    const auto shards = static_cast<std::uint32_t>(random() % 14 + 1);
    const ShardId shard(static_cast<std::uint32_t>(random() % shards));
    const io::OffsetRange range{.partition = partition,
                                .from = Offset(static_cast<std::int64_t>(random() % 90'000)),
                                .to = Offset(static_cast<std::int64_t>(random() % 90'000))};
    std::int64_t counted = 0;
    for (Offset offset = range.from; offset < range.to; offset = Next(offset)) {
      counted += protocol::ShardOf(partition, offset, shards) == shard ? 1 : 0;
    }
    EXPECT_EQ(OffsetsOfShard(range, shard, shards), counted)
        << fmt::format("partition {} shard {}/{} [{}, {})", partition, shard.rep(), shards,
                       range.from.rep(), range.to.rep());
  }
}

TEST(Coverage, BeyondTheCommitItIsWhatEachShardHasConfirmed) {
  OriginLedger ledger = Ledger(0, 1'000);
  AddShare(ledger, 0, 4'095);  // All of its first run.
  AddShare(ledger, 1, 8'000);  // All but 191 of its first run, which is the second.
  const Coverage coverage(ledger, {.shards = 2, .routed_by_place = true, .settled = Offset(2'000)});
  EXPECT_EQ(coverage.from(), Offset(1'000));
  EXPECT_EQ(coverage.to(), Offset(8'001));
  const Coverage::Count all = coverage.In(coverage.from(), coverage.to());
  EXPECT_EQ(all.least, 3'096 + 3'905);
  EXPECT_EQ(all.most, all.least);
  EXPECT_EQ(coverage.In(Offset(0), Offset(1'500)).least, 500) << "nothing before its start";
}

TEST(Coverage, WhatTheCommitHasPassedIsCoveredWhateverTheShardsSay) {
  OriginLedger ledger = Ledger(0, 0);
  AddShare(ledger, 1, 4'200);
  const Coverage coverage(ledger, {.shards = 2, .routed_by_place = true, .settled = Offset(9'000)});
  EXPECT_EQ(coverage.In(coverage.from(), coverage.to()).least, 9'000);
}

TEST(Coverage, BehindAKeyThereAreBounds) {
  OriginLedger ledger = Ledger(0, 0);
  AddShare(ledger, 0, 99);
  AddShare(ledger, 1, 499);
  const Coverage coverage(ledger, {.shards = 2, .routed_by_place = false, .settled = Offset(40)});
  const Coverage::Count all = coverage.In(coverage.from(), coverage.to());
  EXPECT_EQ(all.least, 40);
  EXPECT_EQ(all.most, 500);
}

TEST(Coverage, AnAccountThatDoesNotSayWhereItBeginsNeedNotHaveAnything) {
  OriginLedger ledger = Ledger(0, 0);
  AddShare(ledger, 0, 99);
  ledger.first.reset();
  const Coverage coverage(ledger, {.shards = 1, .routed_by_place = true, .settled = Offset(100)});
  EXPECT_EQ(coverage.In(coverage.from(), coverage.to()).least, 0);
  EXPECT_EQ(coverage.In(coverage.from(), coverage.to()).most, 100);
}

}  // namespace
}  // namespace penstock::ctl
