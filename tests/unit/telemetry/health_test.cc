#include "telemetry/health.h"

#include <chrono>
#include <optional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread.h"

namespace penstock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

class ManualClock final : public Clock {
 public:
  Time Now() const override { return now_; }
  std::int64_t WallMs() const override { return 0; }
  void Advance(Duration by) { now_ += by; }

 private:
  Time now_{1h};
};

TEST(HealthTest, ALoopThatIsSilentTooLongIsNamed) {
  ManualClock clock;
  Health health(clock);
  EXPECT_THAT(health.WhyNotLive(), IsEmpty());
  const Health::Heartbeat poll = health.Watch("kafka poll");
  std::optional<Health::Heartbeat> sink = health.Watch("sink");
  clock.Advance(30s);
  EXPECT_THAT(health.WhyNotLive(), IsEmpty());
  sink->Beat();
  clock.Advance(1s);
  EXPECT_THAT(health.WhyNotLive(), ElementsAre("kafka poll: no heartbeat for 31 s"));
  poll.Beat();
  EXPECT_THAT(health.WhyNotLive(), IsEmpty());
  sink.reset();  // A loop that has ended is no longer watched.
  clock.Advance(20s);
  EXPECT_THAT(health.WhyNotLive(), IsEmpty());
}

TEST(HealthTest, ReadyIsWhenEverythingHolds) {
  Health health;
  EXPECT_THAT(health.WhyNotReady(), ElementsAre("starting: nothing is set up yet"));
  const Health::Condition kafka = health.Require("kafka");
  std::optional<Health::Condition> table = health.Require("table");
  EXPECT_THAT(health.WhyNotReady(), ElementsAre("kafka: not yet", "table: not yet"));
  kafka.Holds();
  table->Fails("no such column: users.age");
  EXPECT_THAT(health.WhyNotReady(), ElementsAre("table: no such column: users.age"));
  table.reset();
  EXPECT_THAT(health.WhyNotReady(), IsEmpty());
  kafka.Fails("");
  EXPECT_THAT(health.WhyNotReady(), ElementsAre("kafka: not yet"));
}

TEST(HealthTest, HandlesOutliveIt) {
  std::optional<Health> health(std::in_place);
  const Health::Heartbeat heartbeat = health->Watch("loop");
  const Health::Condition condition = health->Require("thing");
  health.reset();
  heartbeat.Beat();
  condition.Holds();
}

TEST(HealthTest, LoopsBeatWhileProbesAsk) {
  Health health;
  const std::jthread beating = StartThread("beating", [&](std::stop_token stop) {
    const Health::Heartbeat heartbeat = health.Watch("loop");
    const Health::Condition condition = health.Require("thing");
    while (!stop.stop_requested()) {
      heartbeat.Beat();
      condition.Fails("x");
      condition.Holds();
    }
  });
  for (int i = 0; i < 1000; ++i) {
    EXPECT_THAT(health.WhyNotLive(), IsEmpty());
    health.WhyNotReady();
  }
}

}  // namespace
}  // namespace penstock
