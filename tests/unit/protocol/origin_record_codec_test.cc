#include "protocol/origin_record_codec.h"

#include <random>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock::protocol {
namespace {

OriginRecord RandomRecord(std::mt19937_64& random) {
  OriginRecord record;
  record.committed = Offset(static_cast<std::int64_t>(random() % 1'000'000));
  record.mark = {static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()), {}};
  if (random() % 2 == 0) record.mark.before = RecordMark{Before(record.committed), random()};
  record.published = Offset(record.committed.rep() + static_cast<std::int64_t>(random() % 1000));
  for (std::uint32_t shard = 0; shard < random() % 5; ++shard) {
    record.shards.push_back(
        {ShardId(shard),
         Offset(static_cast<std::int64_t>(random() % 1000) - 1),
         {static_cast<std::int64_t>(random() >> 2), StreamSeq(random()), random()}});
  }
  return record;
}

TEST(OriginRecordCodecTest, WhatWasWrittenIsRead) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    const OriginRecord record = RandomRecord(random);
    const auto read = DecodeOriginRecord(EncodeOriginRecord(record));
    ASSERT_TRUE(read.ok()) << "seed=" << seed << ": " << read.error().detail;
    EXPECT_EQ(read.value(), record) << "seed=" << seed;
    EXPECT_EQ(ParseCommitMetadata(CommitMetadata(record.mark)), record.mark) << "seed=" << seed;
  }
}

TEST(OriginRecordCodecTest, AnyFlippedOrMissingByteIsAClearError) {
  std::mt19937_64 random(3);
  const std::string bytes = EncodeOriginRecord(RandomRecord(random));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    EXPECT_FALSE(DecodeOriginRecord(flipped).ok()) << at;
    EXPECT_FALSE(DecodeOriginRecord(bytes.substr(0, at)).ok()) << at;
  }
}

TEST(OriginRecordCodecTest, MetadataOfOthersIsNone) {
  for (const char* metadata : {"", "p1", "p1 1", "p1 1 x", "p2 1 1", "p1 1 1 5", "p1 1 1 5 zz",
                               "p1 1 1 5 0123 6", "NO_METADATA", "p1  1 1"}) {
    EXPECT_FALSE(ParseCommitMetadata(metadata)) << metadata;
  }
  EXPECT_EQ(ParseCommitMetadata("p1 2 3"), (CommitMark{2, 3, {}}));
}

}  // namespace
}  // namespace penstock::protocol
