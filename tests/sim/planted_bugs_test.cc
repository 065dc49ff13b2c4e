#include <string>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "base/planted_bug.h"
#include "sim/simulation.h"
#include "telemetry/log.h"

namespace penstock {

PlantedBug planted_bug = PlantedBug::kNone;

namespace sim {
namespace {

constexpr std::uint64_t kMostSeeds = 1000;

/// What the laws say of a run; empty: nothing.
std::string BrokenBy(std::uint64_t seed) {
  ::testing::TestPartResultArray failures;
  {
    const ::testing::ScopedFakeTestPartResultReporter here(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &failures);
    Simulate(seed);
  }
  return failures.size() == 0 ? "" : failures.GetTestPartResult(0).message();
}

class PlantedBugsTest : public ::testing::TestWithParam<PlantedBug> {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(InitLoggingToFile({}, "/dev/null").ok()); }
  void TearDown() override { planted_bug = PlantedBug::kNone; }
};

TEST_P(PlantedBugsTest, IsFound) {
  planted_bug = GetParam();
  for (std::uint64_t seed = 1; seed <= kMostSeeds; ++seed) {
    const std::string broken = BrokenBy(seed);
    if (broken.empty()) continue;
    fmt::print("found with seed {}: {}\n", seed, broken.substr(0, broken.find("\nGoogle")));
    return;
  }
  FAIL() << "not found with " << kMostSeeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBugsTest,
                         ::testing::Values(PlantedBug::kCommitBeforeAck,
                                           PlantedBug::kInsertBeforeIntent,
                                           PlantedBug::kProgressForgotten,
                                           PlantedBug::kLastMessageTrimmed),
                         [](const auto& planted) -> std::string {
                           switch (planted.param) {
                             case PlantedBug::kCommitBeforeAck:
                               return "CommitBeforeAck";
                             case PlantedBug::kInsertBeforeIntent:
                               return "InsertBeforeIntent";
                             case PlantedBug::kProgressForgotten:
                               return "ProgressForgotten";
                             case PlantedBug::kLastMessageTrimmed:
                               return "LastMessageTrimmed";
                             case PlantedBug::kNone:
                               break;
                           }
                           return "None";
                         });

}  // namespace
}  // namespace sim
}  // namespace penstock
