// `penstock rewind`: shows what it would do, refuses while somebody reads, and sets the offsets.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "support/penstock_command.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using ::testing::HasSubstr;

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"},
                                            {"_partition", "", "part", "Int32"},
                                            {"_offset", "", "place", "Int64"}};

std::vector<std::string> Events(int first, int count) {
  std::vector<std::string> events;
  for (int id = first; id < first + count; ++id)
    events.push_back(fmt::format(R"({{"id":{}}})", id));
  return events;
}

class RewindTest : public PipelineTest {
 protected:
  static CommandAnswer Rewind(const PipelineHarness& pipeline, const std::string& rest) {
    return RunWords({PENSTOCK_BIN_DIR "/penstock", "rewind", pipeline.Arguments()[1], rest});
  }
};

TEST_F(RewindTest, NothingHappensWhileSomebodyReadsOrWithoutAWord) {
  const std::string topic = NewTopic(2);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  Produce(topic, 0, Events(0, 100));
  Produce(topic, 1, Events(100, 50));
  pipeline.Start();
  pipeline.WaitForCommits(kafka());

  const CommandAnswer busy = Rewind(pipeline, "--to earliest --yes");
  EXPECT_EQ(busy.code, 1) << busy.text;
  EXPECT_THAT(busy.text, HasSubstr("scale the ingestors to 0"));
  pipeline.ingestor().Stop();
  const CommandAnswer shown = Rewind(pipeline, "--to earliest");
  EXPECT_EQ(shown.code, 0) << shown.text;
  EXPECT_THAT(shown.text, HasSubstr(topic + "/0  100 -> 0  100 offsets are read again"));
  EXPECT_THAT(shown.text, HasSubstr("nothing was changed"));
  EXPECT_EQ(pipeline.Committed(kafka()), 150);
  EXPECT_EQ(Rewind(pipeline, "--to 7").code, 2) << "of which partition?";
  EXPECT_EQ(Rewind(pipeline, "--to 7 --source other").code, 2);

  const CommandAnswer one = Rewind(pipeline, "--to 7 --partition 1 --yes");
  EXPECT_EQ(one.code, 0) << one.text;
  EXPECT_EQ(pipeline.Committed(kafka()), 107);
  EXPECT_EQ(Rewind(pipeline, "--to 1970-01-01T00:00:00Z --yes").code, 0);
  EXPECT_EQ(pipeline.Committed(kafka()), 0);
  EXPECT_EQ(Rewind(pipeline, "--to latest --yes").code, 0);
  EXPECT_EQ(pipeline.Committed(kafka()), 150);
}

}  // namespace
}  // namespace penstock::testing
