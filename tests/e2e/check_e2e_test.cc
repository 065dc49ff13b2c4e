// `penstock check`: what would fail is said before the first start, and nothing is written.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/penstock_command.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"},
                                            {"tag", "string", "tag", "FixedString(3)"},
                                            {"_offset", "", "place", "Int64"}};

class CheckTest : public PipelineTest {
 protected:
  static CommandAnswer Check(const PipelineHarness& pipeline, const std::string& rest = "") {
    return RunPenstock(pipeline, "check", rest);
  }
};

TEST_F(CheckTest, ShowsWhatEachColumnWouldGetAndWritesNothing) {
  const std::string topic = NewTopic(2);
  Produce(topic, 0, {R"({"id":1,"tag":"abc"})", R"({"id":2,"tag":"too long"})"});
  Produce(topic, 1, {R"({"id":"three","tag":"abc"})"});
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable("id Int64, tag FixedString(3), place Int64, more String");
  const CommandAnswer answer = Check(pipeline, "--samples 5");
  EXPECT_EQ(answer.code, 0) << answer.text;
  EXPECT_THAT(answer.text, HasSubstr("has 2 partitions, which hold 3 offsets"));
  EXPECT_THAT(answer.text, HasSubstr("the pipeline has no streams yet"));
  EXPECT_THAT(answer.text, HasSubstr("exactly-once"));
  EXPECT_THAT(answer.text, HasSubstr("column `more` (String) is not mapped"));
  EXPECT_THAT(answer.text, HasSubstr("3 of the table's 4 columns are filled"));
  EXPECT_THAT(answer.text, HasSubstr(topic + R"(/0/0 → {"id":1,"tag":"abc","place":0})"));
  EXPECT_THAT(answer.text, HasSubstr(topic + "/0/1 would be a dead letter: column `tag`"));
  EXPECT_THAT(answer.text, HasSubstr(topic + "/1/0 would be a dead letter: "));
  EXPECT_EQ(pipeline.Rows(), 0U);
  EXPECT_THAT(Check(pipeline).text, HasSubstr("no streams yet")) << "the first call made some";
}

TEST_F(CheckTest, SamplesGoThroughTheTransform) {
  const std::string topic = NewTopic(1);
  Produce(topic, 0,
          {R"({"id":1,"tag":"abc"})", R"({"id":0,"tag":"abc"})", R"({"id":1,"tag":"x"})"});
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable("id Int64, tag String, place Int64");
  pipeline.document["transforms"] = nlohmann::json::parse(R"--([
    {"type": "filter", "source_id": "events", "config": {"expression": "id > 0"}},
    {"type": "dedup", "source_id": "events", "config": {"key": "id", "time_window": "1h"}},
    {"type": "stateless", "source_id": "events", "config": {"transforms": [
      {"expression": "id * 2", "output_name": "id", "output_type": "int64"},
      {"expression": "upper(tag)", "output_name": "tag", "output_type": "string"}]}}])--");
  pipeline.document["sink"]["mapping"][1]["column_type"] = "String";
  const CommandAnswer answer = Check(pipeline, "--samples 5");
  EXPECT_EQ(answer.code, 0) << answer.text;
  EXPECT_THAT(answer.text, HasSubstr(topic + "/0/1 would be filtered"));
  // The newest comes first.
  EXPECT_THAT(answer.text, HasSubstr(topic + R"(/0/2 → {"id":2,"tag":"X","place":2})"));
  EXPECT_THAT(answer.text, HasSubstr(topic + "/0/0 would be a duplicate of another sample"));
}

TEST_F(CheckTest, NamesAllThatWouldFail) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  EXPECT_THAT(Check(pipeline).text,
              AllOf(HasSubstr("fault    clickhouse"), HasSubstr(pipeline.id())))
      << "there is no table";
  pipeline.clickhouse().Query("CREATE TABLE " + pipeline.table() +
                              " (id Int64, tag UInt8, also String MATERIALIZED 'x') ENGINE = "
                              "MergeTree ORDER BY tuple()");
  const CommandAnswer answer = Check(pipeline);
  EXPECT_EQ(answer.code, 1);
  EXPECT_THAT(answer.text, HasSubstr("ALTER TABLE")) << "no window";
  EXPECT_THAT(answer.text,
              AllOf(HasSubstr("`tag`"), HasSubstr("`place`"), Not(HasSubstr("`also`"))));
  pipeline.document["sink"]["connection_params"]["password"] = "wrong";
  EXPECT_THAT(Check(pipeline).text, HasSubstr("fault    clickhouse"));
  pipeline.document["sources"][0]["topic"] = topic + "-misspelt";
  const CommandAnswer topicless = Check(pipeline);
  EXPECT_EQ(topicless.code, 1);
  EXPECT_THAT(topicless.text, HasSubstr("fault    kafka"));
}

TEST_F(CheckTest, AnotherNumberOfShardsThanTheStreamsHaveIsAFault) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  pipeline.ingestor().Stop();
  pipeline.sink().Stop();
  EXPECT_EQ(Check(pipeline).code, 0);
  pipeline.document["resources"]["shards"] = pipeline.shards() - 1;
  const CommandAnswer answer = Check(pipeline);
  EXPECT_EQ(answer.code, 1);
  EXPECT_THAT(answer.text, HasSubstr("the number of shards cannot change"));
  pipeline.document["resources"]["shards"] = pipeline.shards() + 1;
}

}  // namespace
}  // namespace penstock::testing
