#include "clickhouse/time_text.h"

#include <cmath>
#include <ctime>
#include <random>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock::clickhouse {
namespace {

constexpr std::int64_t kMarch15 = 1'710'460'800;  // 2024-03-15T00:00:00Z
constexpr std::int64_t kMoment = kMarch15 + 10 * 3600 + 22 * 60 + 31;

Instant Parsed(std::string_view text) {
  Instant instant{-1, -1};
  EXPECT_EQ(ParseTime(text, instant), FaultKind::kNone) << text;
  return instant;
}

TEST(TimeTextTest, EveryForm) {
  for (const auto& [text, seconds] : std::vector<std::pair<std::string, std::int64_t>>{
           {"2024-03-15T10:22:31Z", kMoment},
           {"2024-03-15T10:22:31", kMoment},
           {"2024-03-15 10:22:31", kMoment},
           {"2024-03-15T12:22:31+02:00", kMoment},
           {"2024-03-15 05:52:31-04:30", kMoment},
           {"2024-03-15", kMarch15},
           {"2024/03/15", kMarch15},
           {"03/15/2024", kMarch15},
           {"15/03/2024", kMarch15},
           {"15.03.2024", kMarch15},
           {"03.15.2024", kMarch15},
           {"Mar 15, 2024", kMarch15},
           {"15 Mar 2024", kMarch15},
           {"15 mar 2024", kMarch15},
           {"Fri, 15 Mar 2024 10:22:31 UTC", kMoment},
           {"Fri, 15 Mar 2024 10:22:31 CET", kMoment},
           {"Fri, 15 Mar 2024 13:22:31 GMT+3", kMoment},
           {"Mon, 15 Mar 2024 12:22:31 +0200", kMoment},
           {"15 Mar 24 10:22 UTC", kMoment - 31},
           {"15 Mar 24 10:22 -0000", kMoment - 31},
           {"Friday, 15-Mar-24 10:22:31 UTC", kMoment},
           {"Fri Mar 15 10:22:31 2024", kMoment},
           {"2024-03-15 9:22:31", kMoment - 3600},
       }) {
    EXPECT_EQ(Parsed(text), (Instant{seconds, 0})) << text;
  }
  EXPECT_EQ(Parsed("03/04/2024"), Parsed("2024-03-04"));  // Month first where both readings exist.
  EXPECT_EQ(Parsed("05.06.2024"), Parsed("2024-06-05"));  // Day first with dots.
  EXPECT_EQ(Parsed("Fri Mar  5 10:22:31 1971"), Parsed("1971-03-05T10:22:31Z"));
  EXPECT_EQ(Parsed("05 Mar 71 10:22 UTC"), Parsed("1971-03-05T10:22:00Z"));
}

TEST(TimeTextTest, FractionsAreCutAtNanoseconds) {
  EXPECT_EQ(Parsed("2024-03-15T10:22:31.123456789Z"), (Instant{kMoment, 123'456'789}));
  EXPECT_EQ(Parsed("2024-03-15 10:22:31.5"), (Instant{kMoment, 500'000'000}));
  EXPECT_EQ(Parsed("2024-03-15T10:22:31.1234567899999Z"), (Instant{kMoment, 123'456'789}));
  EXPECT_EQ(Parsed("2024-03-15T11:22:31.25+01:00"), (Instant{kMoment, 250'000'000}));
  EXPECT_EQ(Parsed("1969-12-31T23:59:59.25Z"), (Instant{-1, 250'000'000}));
}

TEST(TimeTextTest, NoOtherForm) {
  Instant instant;
  for (const std::string_view text : {"",
                                      "now",
                                      "1710498151",
                                      "2024-03-15 10:22",
                                      "2024-03-15T10:22Z",
                                      "2024-03-15T24:00:00Z",
                                      "2023-02-29",
                                      "2024-13-01",
                                      "2024-00-10",
                                      "2024-04-31",
                                      "2024-03-15T10:60:00Z",
                                      "2024-03-15T10:22:60Z",
                                      "2024-03-15T10:22:31+25:00",
                                      "2024-03-15T10:22:31.Z",
                                      "2024-03-15T10:22:31Zx",
                                      "2024-03-15T10:22:31 ",
                                      "99/99/2024",
                                      "Foo 15, 2024",
                                      "2024-03-15T10:22:31+0200",
                                      "2024-3-15"}) {
    EXPECT_EQ(ParseTime(text, instant), FaultKind::kNotParsed) << text;
  }
}

// Against the C library, over all the years that a DateTime64 has.
TEST(TimeTextTest, TheCalendarIsRight) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937_64 random(seed);
    const std::time_t seconds =
        static_cast<std::int64_t>(random() % 12'622'780'800U) - 2'208'988'800;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
    ASSERT_EQ(Parsed(text).seconds, seconds) << "seed=" << seed << " " << text;
  }
}

TEST(TimeTextTest, NumbersSayTheirUnitByTheirMagnitude) {
  const auto of = [](std::int64_t value) {
    Instant instant;
    EXPECT_EQ(TimeFromInteger(value, instant), FaultKind::kNone);
    return instant;
  };
  EXPECT_EQ(of(0), (Instant{0, 0}));
  EXPECT_EQ(of(kMoment), (Instant{kMoment, 0}));
  EXPECT_EQ(of(4'294'967'295), (Instant{4'294'967'295, 0}));
  EXPECT_EQ(of(kMoment * 1000 + 123), (Instant{kMoment, 123'000'000}));
  EXPECT_EQ(of(kMoment * 1'000'000 + 123), (Instant{kMoment, 123'000}));
  EXPECT_EQ(of(kMoment * 1'000'000'000 + 123), (Instant{kMoment, 123}));
  EXPECT_EQ(of(-1), (Instant{-1, 0}));
  EXPECT_EQ(of(-kMoment * 1000 - 1), (Instant{-kMoment - 1, 999'000'000}));
  of(INT64_MIN);
  of(INT64_MAX);
}

TEST(TimeTextTest, DecimalsKeepTheirDigits) {
  Instant instant;
  EXPECT_EQ(TimeFromDecimal("1710498151.123456789", instant), FaultKind::kNone);
  EXPECT_EQ(instant, (Instant{kMoment, 123'456'789}));
  EXPECT_EQ(TimeFromDecimal("1.710498151e9", instant), FaultKind::kNone);
  EXPECT_EQ(instant, (Instant{kMoment, 0}));
  EXPECT_EQ(TimeFromDecimal("1710498151123.5", instant), FaultKind::kNone);
  EXPECT_EQ(instant, (Instant{kMoment, 123'500'000}));
  EXPECT_EQ(TimeFromDecimal("-0.25", instant), FaultKind::kNone);
  EXPECT_EQ(instant, (Instant{-1, 750'000'000}));
  EXPECT_EQ(TimeFromDouble(1710498151.123, instant), FaultKind::kNone);
  EXPECT_EQ(instant, (Instant{kMoment, 123'000'000}));
  EXPECT_EQ(TimeFromDouble(1e300, instant), FaultKind::kOutOfRange);
  EXPECT_EQ(TimeFromDouble(std::nan(""), instant), FaultKind::kOutOfRange);
}

TEST(TimeTextTest, AnyTextHasAnAnswer) {
  const std::vector<std::string> good = {"2024-03-15T10:22:31.123+02:00",
                                         "Fri, 15 Mar 2024 10:22:31 GMT+3",
                                         "Friday, 15-Mar-24 10:22:31 UTC"};
  for (unsigned seed = 0; seed < 5000; ++seed) {
    std::mt19937 random(seed);
    std::string text = good[random() % good.size()];
    text.resize(random() % (text.size() + 1));
    for (std::size_t i = random() % 3; i > 0 && !text.empty(); --i) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    Instant instant;
    ParseTime(text, instant);
    TimeFromDecimal(text, instant);
  }
}

}  // namespace
}  // namespace penstock::clickhouse
