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
  Produce(topic, 0, IdEvents(0, 100));
  Produce(topic, 1, IdEvents(100, 50));
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

// A new incarnation has no progress, so that its rows are no repeats; and a record that was the
// first of its key is that again.
TEST_F(RewindTest, WhatIsReadAgainIsInsertedAgain) {
  constexpr int kIds = 100;
  for (const bool dedup : {false, true}) {
    SCOPED_TRACE(fmt::format("dedup={}", dedup));
    const std::string topic = NewTopic(2);
    PipelineHarness& pipeline = NewPipeline(topic, kFields);
    if (dedup) {
      pipeline.document["transforms"] = {{{"type", "dedup"},
                                          {"source_id", "events"},
                                          {"config", {{"key", "id"}, {"time_window", "1h"}}}}};
    }
    const int duplicates = dedup ? 10 : 0;
    pipeline.CreateTable();
    Produce(topic, 0, IdEvents(0, kIds));
    Produce(topic, 0, IdEvents(0, duplicates));
    Produce(topic, 1, IdEvents(kIds, kIds));
    pipeline.Start();
    pipeline.WaitForCommits(kafka());
    ASSERT_EQ(pipeline.Rows(), 2 * kIds);
    pipeline.ingestor().Stop();
    ASSERT_EQ(Rewind(pipeline, "--to 0 --partition 0 --yes").code, 0);
    pipeline.StartIngestor();
    pipeline.WaitForCommits(kafka());
    EXPECT_EQ(pipeline.Rows(), 3 * kIds);
    EXPECT_EQ(pipeline.clickhouse().Lines(fmt::format(
                  "SELECT part, count(), uniqExact(id) FROM {} GROUP BY part ORDER BY part",
                  pipeline.table())),
              (std::vector<std::string>{"0\t200\t100", "1\t100\t100"}));
    const CommandAnswer verified = RunPenstock(pipeline, "verify", "--table");
    EXPECT_EQ(verified.code, 0) << verified.text;
    EXPECT_THAT(verified.text, HasSubstr(topic + "/0 (1.2)"));
    pipeline.clickhouse().Query(
        fmt::format("INSERT INTO {0} SELECT * FROM {0} WHERE id = 7 LIMIT 1", pipeline.table()));
    EXPECT_THAT(
        RunPenstock(pipeline, "verify", "--table").text,
        HasSubstr("the table has 1 rows too many: offsets 7 are there too often (read 2 times "
                  "on purpose)"));
  }
}

}  // namespace
}  // namespace penstock::testing
