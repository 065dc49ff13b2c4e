#include "ctl/account.h"

#include <gtest/gtest.h>

#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "support/fake_key_value.h"

namespace penstock::ctl {
namespace {

using penstock::testing::FakeKeyValue;

void PutRecord(FakeKeyValue& bucket, std::uint32_t shard, std::uint64_t rows,
               std::uint64_t letters) {
  ShardRecord record;
  for (const std::int32_t partition : {0, 1}) {
    OriginProgress& progress = record.progress[{
        .source_id = "s", .topic = "t", .partition = partition, .generation = 1, .incarnation = 1}];
    progress.account[Outcome::kRow] = rows;
    progress.account[Outcome::kDeadLetter] = letters;
  }
  ASSERT_TRUE(
      bucket.Create(protocol::ShardRecordKey(ShardId(shard)), protocol::EncodeShardRecord(record))
          .ok());
}

TEST(ReadAccount, AddsUpAllShardsAndOrigins) {
  FakeKeyValue bucket(FakeKeyValue::Telling::kByHand);
  EXPECT_EQ(ReadAccount(bucket, 3).value(), Account());
  PutRecord(bucket, 0, 10, 1);
  PutRecord(bucket, 2, 100, 0);
  const Account account = ReadAccount(bucket, 3).value();
  EXPECT_EQ(account[Outcome::kRow], 220U);
  EXPECT_EQ(account[Outcome::kDeadLetter], 2U);
}

TEST(ReadAccount, WithAJoinItCountsJoinedRows) {
  FakeKeyValue bucket(FakeKeyValue::Telling::kByHand);
  ShardRecord record;
  record.progress[JoinOrigin(ShardId(0))].account[Outcome::kRow] = 7;
  record.join.emplace();
  ASSERT_TRUE(
      bucket.Create(protocol::ShardRecordKey(ShardId(0)), protocol::EncodeShardRecord(record))
          .ok());
  EXPECT_EQ(ReadAccount(bucket, 1).value()[Outcome::kRow], 7U);
}

TEST(ReadAccount, HalfAnAccountIsNone) {
  FakeKeyValue bucket(FakeKeyValue::Telling::kByHand);
  PutRecord(bucket, 0, 10, 1);
  ASSERT_TRUE(bucket.Create(protocol::ShardRecordKey(ShardId(1)), "no record").ok());
  EXPECT_FALSE(ReadAccount(bucket, 2).ok());
}

}  // namespace
}  // namespace penstock::ctl
