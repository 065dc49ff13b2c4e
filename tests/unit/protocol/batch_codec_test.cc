#include "protocol/batch_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "support/random_batch.h"

namespace penstock::protocol {
namespace {

using testing::RandomBatch;

std::string Encode(const Batch& batch, Codec codec) {
  std::string message;
  EncodeBatch(batch, 256, codec, message);
  return message;
}

void ExpectSame(const Batch& batch, const Envelope& envelope, const Rows& rows) {
  EXPECT_EQ(envelope.fingerprints, batch.fingerprints);
  EXPECT_EQ(envelope.shard, batch.shard);
  EXPECT_EQ(envelope.shards, 256U);
  EXPECT_EQ(envelope.created_ms, batch.created_ms);
  EXPECT_EQ(envelope.input, batch.input);
  EXPECT_EQ(envelope.join, batch.join);
  EXPECT_EQ(envelope.writer, batch.writer);
  EXPECT_EQ(envelope.sections, batch.sections);
  EXPECT_EQ(rows.timestamps_ms, batch.timestamps_ms);
  ASSERT_EQ(rows.columns.size(), batch.columns.size());
  for (std::size_t i = 0; i < rows.columns.size(); ++i) {
    const ColumnView want = batch.columns[i].View();
    EXPECT_EQ(rows.columns[i].name, want.name);
    EXPECT_EQ(rows.columns[i].type, want.type);
    EXPECT_EQ(rows.columns[i].rows, want.rows);
    EXPECT_EQ(rows.columns[i].data, want.data);
    EXPECT_EQ(rows.columns[i].presence, want.presence);
  }
}

TEST(BatchCodecTest, WhatWasWrittenIsRead) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    const Batch batch = RandomBatch(random);
    const std::string message = Encode(batch, static_cast<Codec>(seed % 3));
    const auto envelope = ReadEnvelope(message);
    ASSERT_TRUE(envelope.ok()) << envelope.error().detail;
    Rows rows;
    const Status read = ReadRows(envelope.value(), message, rows);
    ASSERT_TRUE(read.ok()) << read.error().detail;
    ExpectSame(batch, envelope.value(), rows);
  }
}

TEST(BatchCodecTest, AnyFlippedByteIsAClearError) {
  std::mt19937_64 random(7);
  Batch batch = RandomBatch(random);
  while (batch.rows() < 20) batch = RandomBatch(random);
  const std::string message = Encode(batch, Codec::kLz4);
  for (std::size_t at = 0; at < message.size(); ++at) {
    std::string flipped = message;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    const auto envelope = ReadEnvelope(flipped);
    ASSERT_FALSE(envelope.ok()) << "byte " << at;
    EXPECT_EQ(envelope.error().remedy, Remedy::kStop);
    EXPECT_EQ(envelope.error().code, "corrupt");
  }
}

TEST(BatchCodecTest, AnyCutIsAClearError) {
  std::mt19937_64 random(8);
  const std::string message = Encode(RandomBatch(random), Codec::kNone);
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_FALSE(ReadEnvelope(std::string_view(message).substr(0, size)).ok()) << size;
  }
}

// Whoever can write to the stream can also compute the checksum: what is inside must not crash us.
TEST(BatchCodecTest, HostileBytesUnderARightChecksumNeverCrash) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    std::string message = Encode(RandomBatch(random), Codec::kNone);
    message.resize(message.size() - 8);
    for (int i = 0; i < 3; ++i) {
      message[5 + random() % (message.size() - 5)] = static_cast<char>(random());
    }
    AppendFixed(message, Hash64(message));
    const auto envelope = ReadEnvelope(message);
    if (!envelope.ok()) continue;
    Rows rows;
    if (!ReadRows(envelope.value(), message, rows).ok()) continue;
    for (const ColumnView& column : rows.columns) {
      if (FixedWidth(column.type) != 0) continue;
      TextCursor cursor(column);
      cursor.Skip(column.rows);
    }
  }
}

TEST(BatchCodecTest, AnotherVersionIsNamed) {
  std::mt19937_64 random(9);
  std::string message = Encode(RandomBatch(random), Codec::kLz4);
  message[4] = 9;
  message.resize(message.size() - 8);
  AppendFixed(message, Hash64(message));
  const auto envelope = ReadEnvelope(message);
  ASSERT_FALSE(envelope.ok());
  EXPECT_EQ(envelope.error().code, "version");
  EXPECT_THAT(envelope.error().detail, ::testing::HasSubstr("version 9"));
}

}  // namespace
}  // namespace penstock::protocol
