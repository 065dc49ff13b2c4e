#include <bit>
#include <cmath>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "expr/number_text.h"
#include "unit/expr/expr_fixture.h"

namespace penstock::expr {
namespace {

TEST(NumberLawTest, EveryFormReadsBackAsTheSameFloat) {
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    std::mt19937_64 random(seed);
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    std::string plain;
    std::string shortest;
    std::string json;
    AppendPlain(plain, value);
    AppendShort(shortest, value);
    ASSERT_TRUE(AppendJsonNumber(json, value));
    EXPECT_EQ(ParseFloat(plain), value) << plain;
    EXPECT_EQ(ParseFloat(shortest), value) << shortest;
    EXPECT_EQ(ParseFloat(json), value) << json;
  }
}

TEST(NumberLawTest, IntegersOfARecordKeepEveryDigit) {
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    std::mt19937_64 random(seed);
    const std::uint64_t magnitude = random() >> (random() % 64);
    const std::string digits = (seed % 2 == 0 ? "-" : "") + std::to_string(magnitude);
    if (digits == "-0") continue;
    const Value value = RecordNumber(digits).value();
    std::string written;
    if (value.kind == Kind::kWide) {
      AppendWide(written, value);
    } else {
      AppendPlain(written, value.number);
    }
    EXPECT_EQ(written, digits);
  }
}

class WideLawTest : public ExprTest {};

TEST_F(WideLawTest, SumsDifferencesAndProductsAreExactWithin64Bits) {
  __extension__ using Exact = __int128;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    std::mt19937_64 random(seed);
    // Odd and beyond 2^53: no float64 holds it.
    const std::int64_t a =
        static_cast<std::int64_t>((random() >> 2U) | 1U | (std::uint64_t{1} << 55U));
    const std::int64_t b = static_cast<std::int64_t>(random() >> (40 + random() % 20));
    const std::string record = "{\"a\":" + std::to_string(a) + ",\"b\":" + std::to_string(b) + "}";
    const auto expect = [&](const char* source, Exact exact) {
      if (exact > INT64_MAX || exact < INT64_MIN) return;
      const double rounded = static_cast<double>(exact);
      if (std::fabs(rounded) >= 1e18 && static_cast<Exact>(rounded) == exact) return;
      EXPECT_EQ(Eval(source, record), std::to_string(static_cast<std::int64_t>(exact))) << record;
    };
    expect("a + b", static_cast<Exact>(a) + b);
    expect("b - a", static_cast<Exact>(b) - a);
    expect("a * b", static_cast<Exact>(a) * b);
  }
}

TEST(NumberTextTest, ReadsWhatTheReferenceReads) {
  EXPECT_EQ(ParseFloat("1_000.5"), 1000.5);
  EXPECT_EQ(ParseFloat("0x1p-2"), 0.25);
  EXPECT_EQ(ParseFloat(".5"), 0.5);
  EXPECT_EQ(ParseFloat("1e-999"), 0.0);
  EXPECT_EQ(ParseFloat("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(ParseFloat("1" + std::string(400, '0') + "e-5"), std::nullopt);
  EXPECT_TRUE(std::isinf(ParseFloat("-Infinity").value()));
  for (const char* const text :
       {"", " 1", "1 ", "0x10", "1e", "1__0", "_1", "1e999", "abc", "--1"}) {
    EXPECT_EQ(ParseFloat(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseInteger("0x1A", 0), 26);
  EXPECT_EQ(ParseInteger("-9223372036854775808", 10), INT64_MIN);
  EXPECT_EQ(ParseInteger("9223372036854775808", 10), std::nullopt);
  EXPECT_EQ(ParseInteger("00012", 0), 12);
}

}  // namespace
}  // namespace penstock::expr
