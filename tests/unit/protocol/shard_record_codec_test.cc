#include "protocol/shard_record_codec.h"

#include <random>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "protocol/section_codec.h"
#include "support/random_batch.h"

namespace penstock::protocol {
namespace {

ShardRecord RandomRecord(std::mt19937_64& random) {
  const auto origin = [&] {
    return Origin{"s" + std::to_string(random() % 3), "topic",
                  static_cast<std::int32_t>(random() % 9), 1, 1};
  };
  const auto offset = [&] { return Offset(static_cast<std::int64_t>(random() % 100'000) - 1); };
  ShardRecord record{.birth = random(),
                     .term = random() % 100,
                     .position = {1, StreamSeq(random()), random()},
                     .progress = {},
                     .intents = {}};
  for (std::uint64_t i = random() % 12; i > 0; --i) {
    OriginProgress& progress = record.progress[origin()];
    progress.confirmed = offset();
    for (auto& count : progress.account.records) count = random();
    if (random() % 4 != 0) progress.first = Offset(static_cast<std::int64_t>(random() % 100'000));
  }
  for (std::uint64_t i = random() % 4; i > 0; --i) {
    Intent intent;
    intent.ranges = {{origin(), offset(), offset()}};
    intent.token = "t";
    for (std::uint64_t k = random() % 3; k > 0; --k) {
      GivenUp row{origin(), offset(), random() % 2 == 0 ? 0 : 469};
      for (std::uint64_t run = random() % 4; run > 0; --run) {
        intent.given_up.push_back(row);
        row.offset = Next(row.offset);
      }
    }
    for (std::uint64_t k = random() % 3; k > 0; --k) {
      intent.splits.push_back({std::string(random() % 20, '1'),
                               static_cast<SplitKind>(random() % 2),
                               static_cast<std::uint8_t>(random() % 12 + 1)});
      intent.done.emplace_back(random() % 20, '0');
      intent.partition_key = "toYYYYMM(day), city";
    }
    intent.through = StreamSeq(random());
    record.intents.push_back(std::move(intent));
  }
  if (random() % 2 == 0) record.input = Position{2, StreamSeq(random()), random()};
  if (random() % 2 == 0) record.join = testing::RandomJoinCheckpoint(random);
  return record;
}

TEST(ShardRecordCodecTest, WhatWasWrittenIsRead) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    const ShardRecord record = RandomRecord(random);
    const auto read = DecodeShardRecord(EncodeShardRecord(record));
    ASSERT_TRUE(read.ok()) << read.error().detail;
    EXPECT_EQ(read.value(), record);
  }
}

TEST(ShardRecordCodecTest, AnyFlippedByteIsAClearError) {
  std::mt19937_64 random(3);
  const std::string bytes = EncodeShardRecord(RandomRecord(random));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    EXPECT_FALSE(DecodeShardRecord(flipped).ok()) << at;
  }
}

// What an earlier release has left behind is taken over.
TEST(ShardRecordCodecTest, VersionOneIsRead) {
  const Origin origin{"s", "t", 3, 1, 1};
  std::string bytes = "PSTR";
  AppendFixed<std::uint8_t>(bytes, 1);
  AppendVarint(bytes, 77);
  AppendVarint(bytes, 5);
  AppendPosition(bytes, {1, StreamSeq(9), 8});
  AppendVarint(bytes, 0);
  AppendVarint(bytes, 1);
  AppendVarint(bytes, 1);
  AppendOrigin(bytes, origin);
  AppendVarint(bytes, ZigZag(3));
  AppendVarint(bytes, ZigZag(9));
  AppendString(bytes, "token");
  AppendVarint(bytes, 1);
  AppendOrigin(bytes, origin);
  AppendVarint(bytes, ZigZag(7));
  AppendFixed(bytes, Hash64(bytes));
  const auto read = DecodeShardRecord(bytes);
  ASSERT_TRUE(read.ok()) << read.error().detail;
  Intent intent;
  intent.ranges = {{origin, Offset(3), Offset(9)}};
  intent.token = "token";
  intent.given_up = {{origin, Offset(7), 0}};
  EXPECT_EQ(read.value().intents, std::vector<Intent>{intent});
  EXPECT_EQ(read.value().birth, 77U);
}

// A table that refuses everything must not make a record that no message can carry.
TEST(ShardRecordCodecTest, ABlockOfRowsGivenUpIsFewBytes) {
  ShardRecord record;
  Intent& intent = record.intents.emplace_back();
  for (std::int64_t offset = 0; offset < 1'000'000; ++offset) {
    intent.given_up.push_back({{"source", "topic", 3, 1, 1}, Offset(offset), 469});
  }
  const std::string bytes = EncodeShardRecord(record);
  EXPECT_LT(bytes.size(), 200U);
  EXPECT_EQ(DecodeShardRecord(bytes).value(), record);
}

TEST(ShardRecordCodecTest, TheTokenIsAFunctionOfPipelineShardAndRanges) {
  const std::vector<IntentRange> ranges{{Origin{"s", "t", 0, 1, 1}, Offset(3), Offset(9)}};
  auto longer = ranges;
  longer[0].hi = Offset(10);
  const std::string token = InsertToken("orders", ShardId(2), ranges);
  EXPECT_EQ(token, InsertToken("orders", ShardId(2), ranges));
  EXPECT_NE(token, InsertToken("orders", ShardId(2), longer));
  EXPECT_NE(token, InsertToken("orders", ShardId(3), ranges));
  EXPECT_NE(token, InsertToken("others", ShardId(2), ranges));
}

}  // namespace
}  // namespace penstock::protocol
