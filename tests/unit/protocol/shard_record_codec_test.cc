#include "protocol/shard_record_codec.h"

#include <random>

#include <gtest/gtest.h>

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
  }
  for (std::uint64_t i = random() % 4; i > 0; --i) {
    Intent intent{.ranges = {{origin(), offset(), offset()}}, .token = "t", .given_up = {}};
    for (std::uint64_t k = random() % 3; k > 0; --k)
      intent.given_up.push_back({origin(), offset()});
    record.intents.push_back(std::move(intent));
  }
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
