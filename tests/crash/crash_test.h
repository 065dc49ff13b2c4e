#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "crash/load.h"
#include "support/pipeline_test.h"

namespace penstock::testing {

/// Whole pipelines under load while something dies. What is asserted in the end is the promise:
/// every record of Kafka is exactly once in ClickHouse, the shards' accounts say the same, and all
/// of it is committed.
///
/// PENSTOCK_CRASH_SEED repeats the moments of an earlier run, as far as a machine can.
class CrashTest : public PipelineTest {
 protected:
  static constexpr std::int32_t kPartitions = 6;

  void SetUp() override;
  void TearDown() override;

  /// A pipeline with its table, on a new topic.
  PipelineHarness& NewLoadedPipeline();
  Load& StartLoad(const PipelineHarness& pipeline, std::uint64_t backlog, std::uint64_t per_second,
                  std::uint64_t repeat_percent = 0);

  /// Ends the load, waits until all of it has arrived, and compares every count.
  void ExpectEachExactlyOnce(PipelineHarness& pipeline, std::string_view what,
                             Clock::Duration patience = std::chrono::seconds(90));

  /// The same with a transform whose filter keeps the ids that `kept` does and that keeps one row
  /// of each id.
  void ExpectEachKeyExactlyOnce(PipelineHarness& pipeline, std::string_view what,
                                const std::function<bool(std::uint64_t id)>& kept);

  /// Where a test lets streams lose something: rows behind it are left out until they come again.
  bool streams_lose_messages_ = false;

  /// Evenly between the two.
  std::chrono::milliseconds Random(std::chrono::milliseconds least, std::chrono::milliseconds most);
  /// Lets the pipeline work for a random time: the moment of the next fault.
  void LetPass(std::chrono::milliseconds least, std::chrono::milliseconds most);
  bool Coin() { return (random_() & 1U) != 0; }
  /// Waits until this process has read records since it started.
  static void WaitUntilItReads(ServiceProcess& ingestor);

 private:
  void ExpectCleanRecords(PipelineHarness& pipeline, std::uint64_t records);
  static void PrintDifferences(const PipelineHarness& pipeline);

  /// Inserts that ClickHouse has dropped since its start because it had their rows: how often a
  /// fault has met the moment between an insert and its record.
  static std::uint64_t DroppedRepeats(const ClickHouse& clickhouse);

  std::uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::unique_ptr<Load> load_;
  std::uint64_t dropped_before_ = 0;
};

}  // namespace penstock::testing
