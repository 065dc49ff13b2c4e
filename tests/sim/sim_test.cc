#include <cstdlib>

#include <gtest/gtest.h>

#include "base/format.h"
#include "sim/simulation.h"
#include "telemetry/log.h"

namespace penstock::sim {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class SimTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Lines are written in any case: a lock more would make it another run.
    const bool wanted = std::getenv("PENSTOCK_SIM_LOG") != nullptr;
    ASSERT_TRUE(InitLoggingToFile({}, wanted ? "/dev/stderr" : "/dev/null").ok());
  }
};

void SimulateSeeds(Losses losses, std::uint64_t otherwise) {
  const std::uint64_t first = FromEnvironment("PENSTOCK_SIM_FIRST", 1);
  const std::uint64_t seeds = FromEnvironment("PENSTOCK_SIM_SEEDS", otherwise);
  Ran total;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    const Ran ran = Simulate(seed, losses);
    total.records += ran.records;
    total.deaths += ran.deaths;
    total.switches += ran.switches;
    total.virtual_ms += ran.virtual_ms;
  }
  fmt::print("{} seeds: {} records, {} deaths, {} switches, {} s of virtual time\n", seeds,
             total.records, total.deaths, total.switches, total.virtual_ms / 1000);
}

// The promise of the whole, whatever processes and the network do.
TEST_F(SimTest, EveryRecordIsOnceInExactlyOnePlace) {
  SimulateSeeds(Losses::kNone, 2000);
}

// Not at rest yet: a few runs in a thousand break a law (README.md).
TEST_F(SimTest, DISABLED_EveryRecordIsThereWhenStreamsAreLost) {
  SimulateSeeds(Losses::kStreams, 300);
}

TEST_F(SimTest, DISABLED_EveryRecordIsThereWhenRecordsAreLost) {
  SimulateSeeds(Losses::kRecords, 300);
}

TEST_F(SimTest, OneSeedIsOneRun) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Ran once = Simulate(seed);
    EXPECT_EQ(once.trace, Simulate(seed).trace) << "seed=" << seed;
  }
}

}  // namespace
}  // namespace penstock::sim
