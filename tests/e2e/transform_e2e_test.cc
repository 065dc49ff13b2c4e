// Filter, outputs and dedup on the real servers: the reference's own cases.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json Filter(std::string_view expression) {
  return {{"type", "filter"}, {"source_id", "events"}, {"config", {{"expression", expression}}}};
}
json Dedup(const json& key, std::string_view window = "1h") {
  return {{"type", "dedup"},
          {"source_id", "events"},
          {"config", {{"key", key}, {"time_window", window}}}};
}
json Output(std::string_view expression, std::string_view name, std::string_view type) {
  return {{"expression", expression}, {"output_name", name}, {"output_type", type}};
}
json Stateless(json outputs) {
  return {{"type", "stateless"},
          {"source_id", "events"},
          {"config", {{"transforms", std::move(outputs)}}}};
}

std::string Person(int id, std::string_view name) {
  return fmt::format(R"({{"id":{},"name":"{}"}})", id, name);
}

const std::vector<PipelineField> kPeople = {{"id", "int64", "id", "Int64"},
                                            {"name", "string", "name", "String"}};

class TransformTest : public PipelineTest {
 protected:
  static std::vector<std::string> Lines(const PipelineHarness& pipeline, std::string_view columns) {
    return pipeline.clickhouse().Lines(
        fmt::format("SELECT {} FROM {} ORDER BY ALL", columns, pipeline.table()));
  }
};

TEST_F(TransformTest, FilterDedupAndUpper) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline =
      NewPipeline(topic, {{"id", "int64", "", ""}, {"name", "string", "", ""}});
  pipeline.document["transforms"] = {Filter("id >= 20"), Dedup("id"),
                                     Stateless({Output("upper(name)", "upper_name", "string"),
                                                Output("int(id) * 2", "twice", "int")})};
  pipeline.document["sink"]["mapping"] = {
      {{"name", "upper_name"}, {"column_name", "name"}, {"column_type", "String"}},
      {{"name", "twice"}, {"column_name", "twice"}, {"column_type", "Int64"}},
      {{"name", "_offset"}, {"column_name", "offset"}, {"column_type", "Int64"}}};
  pipeline.CreateTable("name String, twice Int64, offset Int64");
  Produce(topic, 0,
          {Person(15, "alice"), Person(25, "bob"), Person(25, "bob"), Person(30, "charlie"),
           Person(10, "dave")});
  pipeline.Start();
  pipeline.WaitForRows(2);
  pipeline.WaitForCommits(kafka());
  EXPECT_THAT(Lines(pipeline, "name, twice, offset"), ElementsAre("BOB\t50\t1", "CHARLIE\t60\t3"));
  const Account account = pipeline.TotalAccount();
  EXPECT_EQ(account[Outcome::kRow], 2U);
  EXPECT_EQ(account[Outcome::kFiltered], 2U);
  EXPECT_EQ(account[Outcome::kDuplicate], 1U);
  const MetricsPage page = pipeline.transform().Metrics();
  EXPECT_EQ(page.Sum("penstock_transform_rows_in_total"), 5);
  EXPECT_EQ(page.Sum("penstock_transform_rows_out_total"), 2);
  EXPECT_EQ(page.Sum("penstock_transform_rows_filtered_total"), 2);
  EXPECT_EQ(page.Sum("penstock_transform_rows_duplicate_total"), 1);
  EXPECT_EQ(page.Sum("penstock_transform_rows_in_flight"), 0);
  WaitFor("the transform is ready", [&] { return pipeline.transform().Ready().passed; });
}

TEST_F(TransformTest, TheFirstOfEachKey) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewPipeline(topic, kPeople);
  pipeline.document["transforms"] = {Dedup("id")};
  pipeline.CreateTable();
  Produce(topic, 0, {Person(123, "a"), Person(456, "b"), Person(789, "c"), Person(789, "d")});
  pipeline.Start();
  pipeline.WaitForRows(3);
  pipeline.WaitForCommits(kafka());
  EXPECT_THAT(Lines(pipeline, "id, name"), ElementsAre("123\ta", "456\tb", "789\tc"));
}

TEST_F(TransformTest, TheFirstOfEachKeyOverPartitionsAndBatches) {
  const std::string topic = NewTopic(3);
  PipelineHarness& pipeline = NewPipeline(topic, kPeople);
  pipeline.document["transforms"] = {Dedup("id")};
  pipeline.CreateTable();
  pipeline.Start();
  Produce(topic, 0, {Person(123, "a")});
  Produce(topic, 1, {Person(456, "b")});
  Produce(topic, 2, {Person(789, "c")});
  pipeline.WaitForRows(3);
  Produce(topic, 0, {Person(789, "d"), Person(456, "e")});
  Produce(topic, 1, {Person(123, "f"), Person(1, "g")});
  pipeline.WaitForRows(4);
  pipeline.WaitForCommits(kafka());
  EXPECT_THAT(Lines(pipeline, "id, name"), ElementsAre("1\tg", "123\ta", "456\tb", "789\tc"));
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kDuplicate], 3U);
  WaitFor("the page says what is remembered",
          [&] { return pipeline.transform().Metrics().Sum("penstock_dedup_keys") == 4; });
}

TEST_F(TransformTest, ADottedKeyAndAKeyOfTwoFields) {
  const std::string topic = NewTopic(2);
  PipelineHarness& dotted =
      NewPipeline(topic, {{"user.id", "string", "id", "String"}, {"day", "int64", "day", "Int64"}});
  dotted.document["transforms"] = {Dedup("user.id")};
  dotted.CreateTable();
  PipelineHarness& two =
      NewPipeline(topic, {{"user.id", "string", "id", "String"}, {"day", "int64", "day", "Int64"}});
  two.document["transforms"] = {Dedup({"user.id", "day"})};
  two.CreateTable();
  Produce(topic, 0,
          {R"({"user":{"id":"a"},"day":1})", R"({"user":{"id":"a"},"day":2})",
           R"({"user":{"id":"b"},"day":1})", R"({"user":{"id":"a"},"day":1})"});
  dotted.Start();
  two.Start();
  dotted.WaitForRows(2);
  two.WaitForRows(3);
  dotted.WaitForCommits(kafka());
  two.WaitForCommits(kafka());
  EXPECT_THAT(Lines(dotted, "id, day"), ElementsAre("a\t1", "b\t1"));
  EXPECT_THAT(Lines(two, "id, day"), ElementsAre("a\t1", "a\t2", "b\t1"));
}

// A call with the wrong number of arguments is known when it runs: those rows are dead letters.
TEST_F(TransformTest, ARowWhoseExpressionFailsIsADeadLetterAndTheOthersGoOn) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline =
      NewPipeline(topic, {{"id", "int64", "", ""}, {"name", "string", "", ""}});
  pipeline.document["transforms"] = {
      Stateless({Output(R"(name == "bob" ? replace(name) : name)", "name", "string")})};
  pipeline.document["sink"]["mapping"] = {
      {{"name", "name"}, {"column_name", "name"}, {"column_type", "String"}}};
  pipeline.CreateTable("name String");
  Produce(topic, 0, {Person(1, "alice"), Person(2, "bob"), Person(3, "charlie")});
  pipeline.Start();
  pipeline.WaitForRows(2);
  pipeline.WaitForCommits(kafka());
  EXPECT_THAT(Lines(pipeline, "name"), ElementsAre("alice", "charlie"));
  const auto letters = pipeline.DeadLetters();
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0]["component"], "transform");
  EXPECT_EQ(letters[0]["reason"], "expression_error");
  EXPECT_EQ(letters[0]["offset"], 1);
  EXPECT_EQ(json::parse(letters[0]["original_message"].get<std::string>())["name"], "bob");
  EXPECT_THAT(letters[0]["error"], HasSubstr("replace(name)"));
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kDeadLetter], 1U);
}

TEST_F(TransformTest, AKeyThatIsMissingOrNullIsADeadLetterAndAnEmptyOneIsAKey) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewPipeline(topic, kPeople);
  pipeline.document["transforms"] = {Dedup("name")};
  pipeline.document["sources"][0]["schema_fields"][1]["optional"] = true;
  pipeline.CreateTable();
  Produce(topic, 0,
          {Person(1, ""), R"({"id":2,"name":null})", R"({"id":3})", Person(4, ""), Person(5, "e")});
  pipeline.Start();
  pipeline.WaitForRows(2);
  pipeline.WaitForCommits(kafka());
  EXPECT_THAT(Lines(pipeline, "id"), ElementsAre("1", "5"));
  const auto letters = pipeline.DeadLetters();
  ASSERT_EQ(letters.size(), 2U);
  for (const json& letter : letters) EXPECT_EQ(letter["reason"], "key_missing");
}

// Kafka's metadata goes past expressions that know nothing of it.
TEST_F(TransformTest, MetadataColumnsPassTheTransform) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewPipeline(topic, {{"id", "int64", "", ""}});
  pipeline.document["transforms"] = {Filter("id != 2"), Stateless({Output("id", "n", "int")})};
  pipeline.document["sink"]["mapping"] = {
      {{"name", "n"}, {"column_name", "n"}, {"column_type", "Int64"}},
      {{"name", "_key"}, {"column_name", "k"}, {"column_type", "Nullable(String)"}},
      {{"name", "_offset"}, {"column_name", "o"}, {"column_type", "Int64"}},
      {{"name", "_topic"}, {"column_name", "t"}, {"column_type", "String"}}};
  pipeline.CreateTable("n Int64, k Nullable(String), o Int64, t String");
  kafka().Produce(topic, 0,
                  {{.key = "a", .value = R"({"id":1})"},
                   {.key = "b", .value = R"({"id":2})"},
                   {.key = "c", .value = R"({"id":3})"}});
  pipeline.Start();
  pipeline.WaitForRows(2);
  EXPECT_THAT(Lines(pipeline, "n, k, o, t"), ElementsAre("1\ta\t0\t" + topic, "3\tc\t2\t" + topic));
}

}  // namespace
}  // namespace penstock::testing
