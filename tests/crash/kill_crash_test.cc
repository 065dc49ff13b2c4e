// kill -9 of the services at random moments under load.

#include <chrono>

#include <gtest/gtest.h>

#include "crash/crash_test.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kKills = 10;

class KillTest : public CrashTest {
 protected:
  /// Kills the ingestor while it reads, or (one time in four) while it is still starting, and
  /// starts it again.
  void KillIngestor(PipelineHarness& pipeline) {
    if (Random(0ms, 3ms) > 0ms) WaitUntilItReads(pipeline.ingestor());
    LetPass(0ms, 1500ms);
    pipeline.ingestor().Kill9();
    pipeline.StartIngestor();
  }
  void KillSink(PipelineHarness& pipeline) {
    LetPass(0ms, 2000ms);
    pipeline.sink().Kill9();
    pipeline.StartSink();
  }
};

TEST_F(KillTest, TheIngestorTenTimes) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 50'000, 4'000);
  pipeline.Start();
  for (int kill = 0; kill < kKills; ++kill) KillIngestor(pipeline);
  WaitUntilItReads(pipeline.ingestor());
  ExpectEachExactlyOnce(pipeline, "kill -9 of the ingestor, 10 times");
}

TEST_F(KillTest, TheSinkTenTimes) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 50'000, 10'000);
  pipeline.Start();
  for (int kill = 0; kill < kKills; ++kill) KillSink(pipeline);
  ExpectEachExactlyOnce(pipeline, "kill -9 of the sink, 10 times");
}

TEST_F(KillTest, BothInTurnTenTimes) {
  PipelineHarness& pipeline = NewLoadedPipeline();
  StartLoad(pipeline, 50'000, 4'000);
  pipeline.Start();
  for (int kill = 0; kill < kKills; ++kill) {
    kill % 2 == 0 ? KillIngestor(pipeline) : KillSink(pipeline);
    if (!Coin()) continue;
    pipeline.ingestor().Kill9();
    pipeline.sink().Kill9();
    pipeline.Start();
  }
  ExpectEachExactlyOnce(pipeline, "kill -9 of ingestor and sink in turn, 10 times");
}

}  // namespace
}  // namespace penstock::testing
