// Members come and go under load: partitions move in the middle of batches.

#include <chrono>

#include <gtest/gtest.h>

#include "crash/crash_test.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

class RebalanceTest : public CrashTest {
 protected:
  static double Assigned(const ServiceProcess& ingestor) {
    return ingestor.Metrics().Sum("penstock_kafka_assigned_partitions");
  }
};

TEST_F(RebalanceTest, ASecondIngestorComesAndGoes) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 50'000, 6'000);
  pipeline.Start();
  ServiceProcess second = pipeline.NewIngestor("second");
  for (int round = 0; round < 4; ++round) {
    second.Start(pipeline.Arguments());
    WaitFor("both have partitions", [&] {
      return Assigned(second) == kPartitions / 2 && Assigned(pipeline.ingestor()) > 0;
    });
    WaitUntilItReads(second);
    LetPass(0ms, 1500ms);
    if (round % 2 == 0) {
      EXPECT_TRUE(second.Stop().clean());
    } else {
      second.Kill9();
    }
    WaitFor("the first has all", [&] { return Assigned(pipeline.ingestor()) == kPartitions; });
    LetPass(0ms, 500ms);
  }
  ExpectEachExactlyOnce(pipeline, "a second ingestor came and went, 4 times");
}

// The new member takes partitions over, the old one leaves: as a rolling update does.
TEST_F(RebalanceTest, IngestorsReplaceEachOther) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 50'000, 6'000);
  pipeline.Start();
  ServiceProcess other = pipeline.NewIngestor("other");
  for (int round = 0; round < 3; ++round) {
    other.Start(pipeline.Arguments());
    LetPass(0ms, 2000ms);
    EXPECT_TRUE(pipeline.ingestor().Stop().clean());
    LetPass(0ms, 2000ms);
    pipeline.StartIngestor();
    LetPass(0ms, 2000ms);
    EXPECT_TRUE(other.Stop().clean());
  }
  ExpectEachExactlyOnce(pipeline, "ingestors replaced each other, 6 times");
}

}  // namespace
}  // namespace penstock::testing
