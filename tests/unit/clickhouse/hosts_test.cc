#include "clickhouse/hosts.h"

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/check.h"

namespace penstock::clickhouse {
namespace {

using namespace std::chrono_literals;

class ManualClock final : public Clock {
 public:
  Time Now() const override { return Time(now.load()); }
  std::int64_t WallMs() const override { return 0; }
  std::atomic<Duration> now{Duration(1h)};
};

class HostsTest : public ::testing::Test {
 protected:
  Hosts::Visit Next() {
    auto visit = hosts_.Next({});
    PENSTOCK_CHECK(visit.has_value(), "nobody stops it");
    return std::move(*visit);
  }
  void Advance(Clock::Duration by) { clock_.now = clock_.now.load() + by; }

  ManualClock clock_;
  Hosts hosts_{{"a", "b", "c"}, clock_};
};

TEST_F(HostsTest, EachIsAskedFirstWhetherItIsThereAndThenTheyShareTheWork) {
  std::map<std::string, int> visits;
  for (int i = 0; i < 3; ++i) {
    Hosts::Visit visit = Next();
    EXPECT_TRUE(visit.doubtful());
    ++visits[visit.host()];
    visit.Well();
  }
  EXPECT_EQ(visits.size(), 3U);
  std::vector<Hosts::Visit> open;
  for (int i = 0; i < 6; ++i) {
    open.push_back(Next());
    EXPECT_FALSE(open.back().doubtful());
    ++visits[open.back().host()];
  }
  for (const auto& [host, times] : visits) EXPECT_EQ(times, 3) << host;
  Advance(Hosts::kFresh);
  EXPECT_TRUE(Next().doubtful()) << "an old answer says nothing";
}

TEST_F(HostsTest, OneThatIsNotWellIsLeftAloneForAWhileAndOnlyOneRequestTriesItAgain) {
  for (int i = 0; i < 3; ++i) {
    Hosts::Visit visit = Next();
    visit.host() == "b" ? visit.Unwell() : visit.Well();
  }
  EXPECT_EQ(hosts_.well(), 2U);
  for (int i = 0; i < 10; ++i) {
    Hosts::Visit visit = Next();
    EXPECT_NE(visit.host(), "b");
    visit.Well();
  }
  Advance(5s);
  Hosts::Visit probe = Next();
  EXPECT_EQ(probe.host(), "b");
  EXPECT_TRUE(probe.doubtful());
  EXPECT_NE(Next().host(), "b") << "while it hangs, others go elsewhere";
  probe.Well();
  EXPECT_EQ(hosts_.well(), 3U);
}

TEST_F(HostsTest, WithNobodyWellOneIsTriedAllTheSame) {
  for (int i = 0; i < 10; ++i) Next().Unwell();
  EXPECT_EQ(hosts_.well(), 0U);
}

TEST_F(HostsTest, ABusyHostMakesRequestsWaitUntilOneEnds) {
  Hosts one({"a"}, clock_);
  std::vector<Hosts::Visit> open;
  for (std::size_t i = 0; i < Hosts::kMostAtOnce; ++i) {
    auto visit = one.Next({});
    EXPECT_FALSE(visit->doubtful()) << "alone it has nobody to hand over to";
    open.push_back(std::move(*visit));
  }
  std::atomic<bool> came{false};
  std::thread waiting([&] {
    const auto visit = one.Next({});
    came = visit.has_value();
  });
  EXPECT_FALSE(came);
  open.front().Well();
  waiting.join();
  EXPECT_TRUE(came);
  std::stop_source stop;
  std::thread stopped([&] {
    std::vector<Hosts::Visit> more;
    while (auto visit = one.Next(stop.get_token())) more.push_back(std::move(*visit));
  });
  stop.request_stop();
  stopped.join();
}

}  // namespace
}  // namespace penstock::clickhouse
