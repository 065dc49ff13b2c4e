// A pipeline of several replicas while everything around it, and it itself, breaks in an order that
// a seed decides: tests/chaos/run says how to repeat one.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "chaos/chaos_world.h"
#include "chaos/verdict.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto kGap = 2s;
constexpr std::size_t kLogLines = 40;

std::string Variable(const char* name, std::string otherwise) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::move(otherwise) : value;
}

std::vector<std::uint64_t> Seeds() {
  std::vector<std::uint64_t> seeds;
  std::istringstream text(Variable("PENSTOCK_CHAOS_SEEDS", "1 2 3"));
  for (std::uint64_t seed = 0; text >> seed;) seeds.push_back(seed);
  return seeds;
}

std::chrono::milliseconds Duration() {
  const std::string seconds = Variable("PENSTOCK_CHAOS_SECONDS", "45");
  return std::chrono::seconds(std::strtol(seconds.c_str(), nullptr, 10));
}

class ChaosTest : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static void SetUpTestSuite() {
    const std::string folder = ChaosServers::FolderOfThisRun();
    if (!folder.empty()) servers_ = std::make_unique<ChaosServers>(folder);
  }
  static void TearDownTestSuite() { servers_.reset(); }

  static void PrintLogs(ChaosWorld& world) {
    for (const Replica* const replica : world.Replicas()) {
      fmt::print("--- the end of the log of {}:\n{}\n", replica->name(),
                 replica->EndOfLog(kLogLines));
    }
  }

  static void KeepLogs(ChaosWorld& world) {
    const std::filesystem::path kept = std::filesystem::path(ChaosServers::FolderOfThisRun()) /
                                       fmt::format("logs-seed-{}", world.options().seed);
    std::filesystem::create_directories(kept);
    for (const auto& file : std::filesystem::directory_iterator(world.pipeline().folder())) {
      if (file.path().extension() != ".log") continue;
      std::filesystem::copy_file(file, kept / file.path().filename(),
                                 std::filesystem::copy_options::overwrite_existing);
    }
    fmt::print("all logs are in {}\n", kept.string());
  }

  static inline std::unique_ptr<ChaosServers> servers_;
};

TEST_P(ChaosTest, EveryKeyIsInClickHouseOnce) {
  if (servers_ == nullptr) GTEST_SKIP() << "tests/chaos/run starts this with servers of its own";
  auto kinds = ParseFaultKinds(Variable("PENSTOCK_CHAOS_KINDS", ""));
  ASSERT_TRUE(kinds.ok()) << kinds.error().detail;
  ChaosWorld world(
      *servers_,
      {.seed = GetParam(), .duration = Duration(), .gap = kGap, .kinds = std::move(kinds).value()});
  fmt::print("seed {}, {} s\n", GetParam(), Duration() / 1s);
  world.Start();
  world.RunFaults();
  Judge(world, world.HealAndWait());
  if (HasFailure()) {
    PrintLogs(world);
    KeepLogs(world);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChaosTest, ::testing::ValuesIn(Seeds()),
                         [](const auto& seed) { return fmt::format("Seed{}", seed.param); });

}  // namespace
}  // namespace penstock::testing
