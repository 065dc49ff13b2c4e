#include "chaos/schedule.h"

#include <map>

#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

std::vector<FaultKind> EveryKind() {
  std::vector<FaultKind> kinds;
  for (const FaultKindInfo& info : AllFaultKinds()) kinds.push_back(info.kind);
  return kinds;
}

TEST(ScheduleTest, ASeedIsAlwaysTheSameScheduleAndAnotherSeedIsAnother) {
  const auto one = MakeSchedule(7, 60s, 2s, EveryKind());
  const auto again = MakeSchedule(7, 60s, 2s, EveryKind());
  const auto other = MakeSchedule(8, 60s, 2s, EveryKind());
  ASSERT_EQ(one.size(), again.size());
  bool differs = one.size() != other.size();
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].at, again[i].at);
    EXPECT_EQ(one[i].kind, again[i].kind);
    EXPECT_EQ(one[i].draw, again[i].draw);
    if (!differs) differs = one[i].kind != other[i].kind || one[i].at != other[i].at;
  }
  EXPECT_TRUE(differs);
}

TEST(ScheduleTest, AllKindsComeUpEquallyOftenInOrderOfTimeUntilTheEnd) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const auto faults = MakeSchedule(seed, 10min, 2s, EveryKind());
    std::map<FaultKind, int> times;
    for (std::size_t i = 0; i < faults.size(); ++i) {
      EXPECT_LT(faults[i].at, 10min);
      EXPECT_TRUE(i == 0 || faults[i].at > faults[i - 1].at);
      ++times[faults[i].kind];
    }
    EXPECT_GT(faults.back().at, 10min - 4s);
    EXPECT_NEAR(static_cast<double>(faults.size()), 300, 60);
    const double each =
        static_cast<double>(faults.size()) / static_cast<double>(AllFaultKinds().size());
    for (const FaultKind kind : EveryKind()) {
      EXPECT_NEAR(times[kind], each, 1);
    }
  }
}

TEST(ScheduleTest, ALongerRunBeginsAsAShorterOne) {
  const auto minute = MakeSchedule(3, 1min, 2s, EveryKind());
  const auto hour = MakeSchedule(3, 60min, 2s, EveryKind());
  ASSERT_LT(minute.size(), hour.size());
  for (std::size_t i = 0; i < minute.size(); ++i) EXPECT_EQ(minute[i].draw, hour[i].draw);
}

TEST(ScheduleTest, KindsAreNamedAndAWrongNameIsToldWithTheRightOnes) {
  for (const FaultKindInfo& info : AllFaultKinds()) {
    EXPECT_EQ(ParseFaultKinds(info.name).value(), std::vector<FaultKind>{info.kind});
    EXPECT_EQ(ToText(info.kind), info.name);
  }
  EXPECT_EQ(ParseFaultKinds("freeze,kill9").value(),
            (std::vector<FaultKind>{FaultKind::kFreeze, FaultKind::kKill9}));
  const auto wrong = ParseFaultKinds("kill9,kil9");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().detail.find("\"kil9\"; there are kill9, stop"), std::string::npos);
  EXPECT_FALSE(ParseFaultKinds("").value().empty());
}

}  // namespace
}  // namespace penstock::testing
