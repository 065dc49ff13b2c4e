#include "base/text.h"

#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace penstock {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
constexpr auto kMost = std::numeric_limits<std::int64_t>::max();

TEST(DurationTest, TheFormsThatAreRead) {
  const struct {
    const char* text;
    nanoseconds want;
  } cases[] = {{"30s", 30s},
               {"1h30m", 90min},
               {"1.5h", 90min},
               {"7d", 168h},
               {"100ms", 100ms},
               {"-2s", -2s},
               {"+2s", 2s},
               {"0", 0s},
               {"-0", 0s},
               {".5s", 500ms},
               {"1.s", 1s},
               {"3us", 3us},
               {"3\u00b5s", 3us},
               {"3\u03bcs", 3us},
               {"5ns", 5ns},
               {"0.1ns", 0ns},
               {"0.123456789d", 10'666'666'569'600ns},
               {"9007199254740993ns", nanoseconds(9'007'199'254'740'993)},
               {"9223372036854775807ns", nanoseconds(kMost)},
               {"106751d23h47m16.854775807s", nanoseconds(kMost)}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto parsed = ParseDuration(c.text);
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(parsed.value(), c.want);
  }
}

TEST(DurationTest, TheFormsThatAreNot) {
  const std::string digits(400, '9');
  for (const std::string& text :
       {std::string(""), std::string("-"), std::string("5"), std::string("s"), std::string("."),
        std::string("1.5.5s"), std::string("1e3s"), std::string("1h 30m"), std::string("1x"),
        std::string("--1s"), std::string(" 1s"), std::string("1s "), std::string("106752d"),
        std::string("9223372036854775808ns"), std::string("106751d23h47m16.854775808s"),
        digits + "s", digits + "." + digits + "s"}) {
    SCOPED_TRACE(text);
    const auto parsed = ParseDuration(text);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().code, "duration");
    EXPECT_EQ(parsed.error().detail,
              fmt::format("\"{}\" is no duration; write it like 30s, 1h30m, 250ms or 7d", text));
  }
}

TEST(DurationTest, ALongFractionIsRounded) {
  EXPECT_EQ(ParseDuration("0." + std::string(400, '9') + "s").value(), 1s);
  EXPECT_EQ(ParseDuration("0." + std::string(400, '0') + "1s").value(), 0s);
}

TEST(DurationTest, EveryDurationIsReadBackExactly) {
  for (unsigned seed = 0; seed < 5000; ++seed) {
    std::mt19937_64 random(seed);
    const nanoseconds duration(static_cast<std::int64_t>(random()) >> random() % 64);
    const auto back = ParseDuration(FormatDuration(duration));
    ASSERT_TRUE(back.ok()) << "seed=" << seed << " " << FormatDuration(duration);
    ASSERT_EQ(back.value(), duration) << "seed=" << seed;
  }
  EXPECT_EQ(FormatDuration(90min), "1h30m");
  EXPECT_EQ(FormatDuration(250ms), "250ms");
  EXPECT_EQ(FormatDuration(0s), "0s");
  EXPECT_EQ(FormatDuration(-36h), "-1d12h");
  EXPECT_EQ(FormatDuration(nanoseconds(kLeast)), "-106751d23h47m16s854ms775us808ns");
}

TEST(SizeTest, TheFormsThatAreRead) {
  const struct {
    const char* text;
    std::uint64_t want;
  } cases[] = {{"512KiB", 512ULL << 10},
               {"25GB", 25'000'000'000ULL},
               {"4GiB", 4ULL << 30},
               {"1000", 1000},
               {"1000B", 1000},
               {"64M", 64'000'000},
               {"64Mi", 64ULL << 20},
               {"64 MiB", 64ULL << 20},
               {"1.5KiB", 1536},
               {"0", 0},
               {"10k", 10'000},
               {"2TiB", 2ULL << 40},
               {"9007199254740993", 9'007'199'254'740'993ULL},
               {"9223372036854775807", kMost}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto parsed = ParseSize(c.text);
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(parsed.value(), c.want);
  }
}

TEST(SizeTest, TheFormsThatAreNot) {
  const std::string digits(400, '9');
  for (const std::string& text :
       {std::string(""), std::string("KiB"), std::string("-1"), std::string("5x"),
        std::string("5KKB"), std::string("5KiBB"), std::string("1e6"), std::string("10m"),
        std::string("9223372036854775808"), std::string("9000000TiB"), digits,
        digits + "." + digits}) {
    SCOPED_TRACE(text);
    const auto parsed = ParseSize(text);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().code, "size");
  }
}

TEST(SizeTest, EverySizeIsReadBackExactly) {
  for (unsigned seed = 0; seed < 5000; ++seed) {
    std::mt19937_64 random(seed);
    const std::uint64_t size = (random() >> (1 + random() % 63)) << (random() % 12);
    if (size > static_cast<std::uint64_t>(kMost)) continue;
    const auto back = ParseSize(FormatSize(size));
    ASSERT_TRUE(back.ok()) << "seed=" << seed;
    ASSERT_EQ(back.value(), size) << "seed=" << seed;
  }
  EXPECT_EQ(FormatSize(512ULL << 10), "512KiB");
  EXPECT_EQ(FormatSize(1000), "1000");
  EXPECT_EQ(FormatSize(0), "0");
}

TEST(JsonStringTest, EscapesWhatMustBe) {
  std::string out = "x";
  AppendJsonString(out, std::string_view("a\"b\\c\n\r\t\x01\0\x1F\x7F/\u00e4", 15));
  EXPECT_EQ(out, "x\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u0000\\u001f\x7F/\u00e4\"");
}

// The form by the book: RFC 3629's table, as one decides by hand.
bool IsUtf8ByTheTable(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = lead < 0x80   ? 0
                     : lead < 0xC0 ? -1
                     : lead < 0xE0 ? 1
                     : lead < 0xF0 ? 2
                     : lead < 0xF8 ? 3
                                   : -1;
    if (more < 0 || i + static_cast<std::size_t>(more) >= text.size()) return false;
    std::uint32_t code = more == 0 ? lead : lead & (0x3FU >> more);
    for (int k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      if (next < 0x80 || next > 0xBF) return false;
      code = code << 6 | (next & 0x3FU);
    }
    constexpr std::uint32_t kLeastOf[] = {0, 0x80, 0x800, 0x10000};
    if (code < kLeastOf[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
      return false;
    i += static_cast<std::size_t>(more) + 1;
  }
  return true;
}

TEST(Utf8Test, AgreesWithTheDefinition) {
  // All leads with all second bytes, and seconds at the edges behind each three- and four-byte
  // lead.
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      std::string text = {static_cast<char>(first), static_cast<char>(second)};
      for (const char* tail : {"", "\x80", "\xBF", "\x80\x80", "\xBF\xBF", "\x80z", "z"}) {
        ASSERT_EQ(IsUtf8(text + tail), IsUtf8ByTheTable(text + tail))
            << first << " " << second << " + " << std::string_view(tail).size();
      }
    }
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("gr\u00fc\u00df \u20ac \U0001F600"));
}

TEST(Base64Test, WhatWasEncodedComesBack) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937 random(seed);
    std::string bytes(random() % 50, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string text = Base64Encode(bytes);
    ASSERT_EQ(text.size(), (bytes.size() + 2) / 3 * 4);
    ASSERT_EQ(Base64Decode(text).value(), bytes);
    while (text.ends_with('=')) text.pop_back();
    ASSERT_EQ(Base64Decode(text).value(), bytes);
    text.insert(random() % (text.size() + 1), "\r\n ");
    ASSERT_EQ(Base64Decode(text).value(), bytes);
  }
  EXPECT_EQ(Base64Encode("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
}

TEST(Base64Test, OtherTextIsRefused) {
  for (const char* text : {"a", "abcde", "ab-_", "YW=5", "\xFF\xFF\xFF\xFF", "YW5*"}) {
    SCOPED_TRACE(text);
    ASSERT_FALSE(Base64Decode(text).ok());
    EXPECT_EQ(Base64Decode(text).error().code, "base64");
  }
}

TEST(TimeTest, MillisecondsAsText) {
  EXPECT_EQ(FormatTimeMs(1'710'498'151'123), "2024-03-15T10:22:31.123Z");
  EXPECT_EQ(FormatTimeMs(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTimeMs(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace penstock
