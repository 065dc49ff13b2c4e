#include "protocol/key_log_codec.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "support/random_first_rows.h"

namespace penstock::protocol {
namespace {

using testing::RandomFirstRows;

std::string Encode(const std::vector<FirstRow>& rows) {
  std::string message;
  EncodeKeyLog(rows, message);
  return message;
}

TEST(KeyLogCodecTest, WhatWasWrittenIsRead) {
  std::vector<FirstRow> read;
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    const auto rows = RandomFirstRows(random, 1 + random() % 300);
    std::string message = "before";
    EncodeKeyLog(rows, message);
    const Status status = DecodeKeyLog(std::string_view(message).substr(6), read);
    ASSERT_TRUE(status.ok()) << status.error().detail;
    EXPECT_EQ(read, rows);
  }
}

TEST(KeyLogCodecTest, TheEndsOfEveryNumberAreRead) {
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  const std::vector<FirstRow> rows{
      {{~0ULL, ~0U}, {~0U, std::numeric_limits<std::int32_t>::min(), Offset(kHigh)}, kLow},
      {{0, 0}, {0, std::numeric_limits<std::int32_t>::max(), Offset(kLow)}, kHigh},
      {{0, 0}, {0, std::numeric_limits<std::int32_t>::max(), Offset(kHigh)}, 0}};
  std::vector<FirstRow> read;
  ASSERT_TRUE(DecodeKeyLog(Encode(rows), read).ok());
  EXPECT_EQ(read, rows);
}

TEST(KeyLogCodecTest, ARowInTheOrderOfItsInputIsFifteenBytesAtMost) {
  std::mt19937_64 random(5);
  auto rows = RandomFirstRows(random, 4000);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].id = {1, 3, Offset(5'000'000'000 + static_cast<std::int64_t>(2 * i))};
  }
  EXPECT_LT(Encode(rows).size(), 15 * rows.size());
}

TEST(KeyLogCodecTest, AnyFlippedByteIsAClearError) {
  std::mt19937_64 random(7);
  const std::string message = Encode(RandomFirstRows(random, 60));
  std::vector<FirstRow> read;
  for (std::size_t at = 0; at < message.size(); ++at) {
    std::string flipped = message;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    const Status status = DecodeKeyLog(flipped, read);
    ASSERT_FALSE(status.ok()) << "byte " << at;
    EXPECT_EQ(status.error().remedy, Remedy::kStop);
    EXPECT_EQ(status.error().code, "corrupt");
  }
}

TEST(KeyLogCodecTest, AnyCutIsAClearError) {
  std::mt19937_64 random(8);
  const std::string message = Encode(RandomFirstRows(random, 60));
  std::vector<FirstRow> read;
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_FALSE(DecodeKeyLog(std::string_view(message).substr(0, size), read).ok()) << size;
  }
}

// Whoever can write to the stream can also compute the checksum: what is inside must not crash us.
TEST(KeyLogCodecTest, HostileBytesUnderARightChecksumNeverCrash) {
  std::vector<FirstRow> read;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937_64 random(seed);
    std::string message = Encode(RandomFirstRows(random, 1 + random() % 40));
    message.resize(message.size() - 8);
    for (int i = 0; i < 3; ++i) {
      message[5 + random() % (message.size() - 5)] = static_cast<char>(random());
    }
    AppendFixed(message, Hash64(message));
    const Status status = DecodeKeyLog(message, read);
    EXPECT_TRUE(status.ok() || status.error().code == "corrupt") << "seed " << seed;
  }
}

TEST(KeyLogCodecTest, AnotherVersionIsNamed) {
  std::mt19937_64 random(9);
  std::string message = Encode(RandomFirstRows(random, 3));
  message[4] = 9;
  message.resize(message.size() - 8);
  AppendFixed(message, Hash64(message));
  std::vector<FirstRow> read;
  const Status status = DecodeKeyLog(message, read);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, "version");
  EXPECT_THAT(status.error().detail, ::testing::HasSubstr("version 9"));
}

}  // namespace
}  // namespace penstock::protocol
