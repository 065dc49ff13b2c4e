#include "base/bytes.h"

#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock {
namespace {

// Numbers of every length, not only long ones.
std::uint64_t AnyNumber(std::mt19937_64& random) {
  return random() >> random() % 64;
}

TEST(BytesTest, WhatWasAppendedIsRead) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    const std::uint64_t number = AnyNumber(random);
    const auto negative = static_cast<std::int64_t>(random()) >> random() % 64;
    const std::string text(random() % 300, static_cast<char>(random()));
    const double real = static_cast<double>(number) / 7;
    std::string bytes;
    AppendVarint(bytes, number);
    AppendVarint(bytes, ZigZag(negative));
    AppendString(bytes, text);
    AppendFixed(bytes, real);
    AppendFixed(bytes, static_cast<std::uint16_t>(number));
    ByteReader reader(bytes);
    ASSERT_EQ(reader.Varint(), number);
    ASSERT_EQ(reader.SignedVarint(), negative);
    ASSERT_EQ(reader.String(), text);
    ASSERT_EQ(reader.Fixed<double>(), real);
    ASSERT_EQ(reader.Fixed<std::uint16_t>(), static_cast<std::uint16_t>(number));
    ASSERT_TRUE(reader.ok());
    ASSERT_EQ(reader.left(), 0U);
    // Any shorter form fails at the end, and reads nothing beyond it.
    const std::string cut = bytes.substr(0, random() % bytes.size());
    ByteReader short_reader(cut);
    short_reader.Varint();
    short_reader.SignedVarint();
    short_reader.String();
    short_reader.Fixed<double>();
    short_reader.Fixed<std::uint16_t>();
    ASSERT_FALSE(short_reader.ok());
    ASSERT_EQ(short_reader.left(), 0U);
  }
}

TEST(BytesTest, VarintsAtTheEdges) {
  const struct {
    std::uint64_t value;
    std::string_view bytes;
  } cases[] = {
      {0, std::string_view("\0", 1)},
      {127, "\x7F"},
      {128, "\x80\x01"},
      {16383, "\xFF\x7F"},
      {16384, "\x80\x80\x01"},
      {std::numeric_limits<std::uint64_t>::max(), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"}};
  for (const auto& c : cases) {
    std::string bytes;
    AppendVarint(bytes, c.value);
    EXPECT_EQ(bytes, c.bytes);
    EXPECT_EQ(ByteReader(c.bytes).Varint(), c.value);
  }
}

TEST(BytesTest, AVarintOfMoreThan64BitsIsMalformed) {
  for (const std::string_view bytes :
       {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01",
        "\x80\x80"}) {
    ByteReader reader(bytes);
    EXPECT_EQ(reader.Varint(), 0U);
    EXPECT_FALSE(reader.ok());
  }
}

TEST(BytesTest, AfterAFailureEverythingIsEmpty) {
  ByteReader reader(
      "\x05"
      "abc");
  EXPECT_EQ(reader.String(), "");
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.Varint(), 0U);
  EXPECT_EQ(reader.Take(0), "");
  EXPECT_FALSE(reader.ok());
  ByteReader huge(std::string_view("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01x"));
  EXPECT_EQ(huge.String(), "");  // A length of 2^64 - 1.
  EXPECT_FALSE(huge.ok());
}

TEST(BytesTest, ZigZagKeepsSmallNumbersSmall) {
  EXPECT_EQ(ZigZag(0), 0U);
  EXPECT_EQ(ZigZag(-1), 1U);
  EXPECT_EQ(ZigZag(1), 2U);
  EXPECT_EQ(ZigZag(std::numeric_limits<std::int64_t>::min()),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(UnZigZag(std::numeric_limits<std::uint64_t>::max()),
            std::numeric_limits<std::int64_t>::min());
}

TEST(ByteBuffer, HoldsWhatTheAppendFunctionsWrite) {
  std::string expected;
  ByteBuffer buffer;
  for (std::size_t length : {0U, 1U, 127U, 128U, 300U, 20'000U}) {
    const std::string text(length, 'x');
    AppendString(expected, text);
    buffer.String(text);
    AppendFixed<std::uint64_t>(expected, length);
    buffer.Fixed<std::uint64_t>(length);
    expected.push_back('b');
    buffer.Byte('b');
    expected.append(length, '\0');
    buffer.Repeat('\0', length);
  }
  EXPECT_EQ(buffer.view(), expected);
}

TEST(ByteBuffer, CanBeUsedAfterItWasClearedOrMovedFrom) {
  ByteBuffer first;
  first.String("abc");
  ByteBuffer second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that it may be used is the test.
  first.Byte('z');
  EXPECT_EQ(first.view(), "z");
  ByteBuffer copy = second;
  second.clear();
  second.Byte('y');
  EXPECT_EQ(second.view(), "y");
  EXPECT_EQ(copy.view(), std::string_view("\3abc"));
}

}  // namespace
}  // namespace penstock
