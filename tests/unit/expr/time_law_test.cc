#include <random>
#include <string>

#include <gtest/gtest.h>

#include "expr/time_layout.h"
#include "expr/time_value.h"
#include "unit/expr/expr_fixture.h"

namespace penstock::expr {
namespace {

TEST(TimeLawTest, DatesAndDaysAreInverse) {
  for (std::int64_t day = -1'000'000; day < 4'000'000; day += 37) {
    Time time;
    time.seconds = day * 86400 + 86399;
    const CivilTime civil = time.Civil();
    EXPECT_EQ(DaysOf(civil.year, civil.month, civil.day), day);
    EXPECT_EQ(civil.hour, 23);
  }
}

TEST(TimeLawTest, WhatALayoutWritesItReads) {
  const Zone* const zones[] = {nullptr, Zone::Find("Europe/Berlin"), Zone::Find("Asia/Kolkata")};
  constexpr std::string_view kLayouts[] = {"2006-01-02T15:04:05.999999999Z07:00",
                                           "Mon Jan _2 2006 03:04:05.000000000 PM -07:00:00",
                                           "2006 002 15h 4m 5.000000000s Z0700"};
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    std::mt19937_64 random(seed);
    Time time;
    time.seconds = static_cast<std::int64_t>(random() % 8'000'000'000) - 2'000'000'000;
    time.nanoseconds = static_cast<std::int32_t>(random() % 1'000'000'000);
    time.SetZone(zones[seed % 3]);
    // Zones of old have offsets of seconds, which most layouts cannot tell.
    if (time.OffsetHere().seconds % 60 != 0) continue;
    for (const std::string_view layout : kLayouts) {
      std::string text;
      AppendLayout(text, time, layout);
      const auto read = ParseLayout(layout, text, nullptr);
      ASSERT_TRUE(read.has_value()) << text;
      EXPECT_TRUE(read->SameInstant(time)) << text;
    }
  }
}

TEST(TimeLawTest, DurationsReadBack) {
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    std::mt19937_64 random(seed);
    const std::int64_t ns = static_cast<std::int64_t>(random()) >> (random() % 63);
    std::string text;
    AppendDuration(text, ns);
    EXPECT_EQ(ParseGoDuration(text), ns) << text;
  }
  for (const char* const text : {"1d", "", "1", "h", "1h-2m", "3000000h", "."}) {
    EXPECT_EQ(ParseGoDuration(text), std::nullopt) << text;
  }
}

class ZoneTest : public ExprTest {};

TEST_F(ZoneTest, ClocksChangeWithTheSeasonsAlsoInYearsToCome) {
  EXPECT_EQ(Eval(R"(date("2024-07-01 12:00", "2006-01-02 15:04", "Europe/Berlin").UTC().Hour())"),
            "10");
  EXPECT_EQ(Eval(R"(date("2090-07-01 12:00", "2006-01-02 15:04", "Europe/Berlin").UTC().Hour())"),
            "10");
  EXPECT_EQ(
      Eval(R"(date("2090-01-01 12:00", "2006-01-02 15:04", "America/New_York").UTC().Hour())"),
      "17");
  EXPECT_EQ(Eval(R"(date("2060-01-01T00:00:00Z").In(timezone("Australia/Sydney")).Hour())"), "11");
}

TEST_F(ZoneTest, NamesThatLeaveTheDatabaseAreNoZones) {
  for (const char* const name : {"../../etc/passwd", "/etc/passwd", "Nowhere/None", "zone.tab"}) {
    EXPECT_NE(Eval("timezone(\"" + std::string(name) + "\")").find("is no time zone"),
              std::string::npos)
        << name;
  }
}

}  // namespace
}  // namespace penstock::expr
