// Sinks and transforms that become more and fewer under a steady load, with the usual times of the
// leases.

#include <chrono>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/wait.h"
#include "crash/sharing.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kPerSecond = 20'000;
constexpr auto kMostGap = 5s;

// How long it runs with each number of replicas. PENSTOCK_SCALE_SECONDS=60 for a longer look.
std::chrono::seconds Stay() {
  const char* const wanted = std::getenv("PENSTOCK_SCALE_SECONDS");
  return std::chrono::seconds(wanted == nullptr ? 5 : std::stoi(wanted));
}

class ScaleCrashTest : public SharingTest {
 protected:
  /// So many sinks and so many transforms.
  void ScaleTo(PipelineHarness& pipeline, std::size_t replicas) {
    while (sinks_.size() < replicas) {
      sinks_.push_back(pipeline.NewSink(fmt::format("sink-{}", sinks_.size())));
      StartSink(pipeline, sinks_.back(), LeaseTimes::kUsual);
      transforms_.push_back(pipeline.NewTransform(fmt::format("transform-{}", transforms_.size())));
      StartTransform(pipeline, transforms_.back(), LeaseTimes::kUsual);
    }
    for (; sinks_.size() > replicas; sinks_.pop_back(), transforms_.pop_back()) {
      EndCleanly(sinks_.back());
      EndCleanly(transforms_.back());
    }
    WaitUntilShared(All(sinks_));
    WaitUntilShared(All(transforms_));
  }
  void TearDown() override {
    if (HasFailure()) {
      PrintEnds(All(sinks_));
      PrintEnds(All(transforms_));
    }
    sinks_.clear();
    transforms_.clear();
    SharingTest::TearDown();
  }

 private:
  std::deque<ServiceProcess> sinks_;
  std::deque<ServiceProcess> transforms_;
};

TEST_F(ScaleCrashTest, FromOneToFourToTwoUnderASteadyLoad) {
  PipelineHarness& pipeline = NewDedupPipeline();
  StartLoad(pipeline, 0, kPerSecond, 10);
  pipeline.StartIngestor();
  ScaleTo(pipeline, 1);
  WaitFor("rows", [&] { return pipeline.Rows() > kPerSecond; });
  LongestGap gap(servers().nats, pipeline.id());
  for (const std::size_t replicas : {1U, 4U, 2U}) {
    const Clock::Time began = SystemClock().Now();
    ScaleTo(pipeline, replicas);
    const std::chrono::duration<double> took = SystemClock().Now() - began;
    WaitUntil(SystemClock().Now() + Stay(), {});
    const std::chrono::duration<double> longest = gap.Take();
    fmt::print("{} of each after {:.1f} s; longest gap between inserts of a shard: {:.2f} s\n",
               replicas, took.count(), longest.count());
    EXPECT_LT(longest, kMostGap) << replicas << " replicas";
  }
  ExpectEachKeyExactlyOnce(pipeline, "1, 4, 2 sinks and transforms",
                           [](std::uint64_t) { return true; });
}

}  // namespace
}  // namespace penstock::testing
