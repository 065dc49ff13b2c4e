// kill -9 of every stage of a pipeline that filters and deduplicates, at random moments under load.

#include <chrono>
#include <filesystem>

#include <gtest/gtest.h>

#include "crash/crash_test.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kKills = 20;

bool Kept(std::uint64_t id) {
  return id % 11 != 5;
}

class TransformKillTest : public CrashTest {
 protected:
  PipelineHarness& NewDedupPipeline() {
    PipelineHarness& pipeline = NewLoadedPipeline();
    pipeline.document["transforms"] = {{{"type", "filter"},
                                        {"source_id", "events"},
                                        {"config", {{"expression", "int(id) % 11 != 5"}}}},
                                       {{"type", "dedup"},
                                        {"source_id", "events"},
                                        {"config", {{"key", "id"}, {"time_window", "1h"}}}}};
    return pipeline;
  }
  void Kill(PipelineHarness& pipeline, int which) {
    LetPass(0ms, 1200ms);
    if (which == 0) {
      pipeline.ingestor().Kill9();
      pipeline.StartIngestor();
    } else if (which == 1) {
      pipeline.transform().Kill9();
      pipeline.StartTransform();
    } else {
      pipeline.sink().Kill9();
      pipeline.StartSink();
    }
  }
};

TEST_F(TransformKillTest, EachStageInTurnTwentyTimes) {
  PipelineHarness& pipeline = NewDedupPipeline();
  StartLoad(pipeline, 50'000, 5'000, 10);
  pipeline.Start();
  for (int kill = 0; kill < kKills; ++kill) Kill(pipeline, kill % 3);
  WaitUntilItReads(pipeline.ingestor());
  ExpectEachKeyExactlyOnce(pipeline, "kill -9 of ingestor, transform and sink in turn, 20 times",
                           Kept);
}

// The disk goes with each kill: the key log alone must do.
TEST_F(TransformKillTest, TheTransformWithItsDiskFiveTimes) {
  PipelineHarness& pipeline = NewDedupPipeline();
  StartLoad(pipeline, 50'000, 5'000, 10);
  pipeline.Start();
  for (int kill = 0; kill < 5; ++kill) {
    LetPass(200ms, 1500ms);
    pipeline.transform().Kill9();
    std::filesystem::remove_all(pipeline.StateFolder());
    pipeline.StartTransform();
  }
  ExpectEachKeyExactlyOnce(pipeline, "kill -9 of the transform with its disk, 5 times", Kept);
}

}  // namespace
}  // namespace penstock::testing
