// Values of all kinds, from the JSON of a record to what a query of the table gives.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

class TypesTest : public PipelineTest {
 protected:
  /// Sends the records through a pipeline of these fields and waits until `rows` are there.
  PipelineHarness& Pass(std::vector<PipelineField> fields, const std::vector<std::string>& records,
                        std::uint64_t rows) {
    const std::string topic = NewTopic(1);
    Produce(topic, 0, records);
    PipelineHarness& pipeline = NewPipeline(topic, std::move(fields));
    pipeline.CreateTable();
    pipeline.Start();
    pipeline.WaitForRows(rows);
    pipeline.WaitForCommits(kafka());
    return pipeline;
  }

  std::vector<std::string> Select(const PipelineHarness& pipeline, std::string_view what) {
    return pipeline.clickhouse().Lines(
        fmt::format("SELECT {} FROM {} ORDER BY id", what, pipeline.table()));
  }
};

TEST_F(TypesTest, LowCardinalityAndNullable) {
  std::vector<PipelineField> fields = {{"id", "int64", "id", "Int64"},
                                       {"city", "string", "city", "LowCardinality(String)"},
                                       {"note", "string", "note", "Nullable(String)"},
                                       {"size", "float64", "size", "Nullable(Float64)"}};
  const std::string topic = NewTopic(1);
  Produce(
      topic, 0,
      {R"({"id":1,"city":"Graz","note":"first","size":1.5})",
       R"({"id":2,"city":"Linz","note":null})", R"({"id":3,"city":"Graz","note":"","size":-0})"});
  PipelineHarness& pipeline = NewPipeline(topic, fields);
  for (auto& field : pipeline.document["sources"][0]["schema_fields"]) {
    if (field["name"] == "note" || field["name"] == "size") field["optional"] = true;
  }
  pipeline.CreateTable();
  pipeline.Start();
  pipeline.WaitForRows(3);
  EXPECT_EQ(Select(pipeline, "id, city, note IS NULL, ifNull(note, '-'), ifNull(size, 99)"),
            (std::vector<std::string>{"1\tGraz\t0\tfirst\t1.5", "2\tLinz\t1\t-\t99",
                                      "3\tGraz\t0\t\t-0"}));
}

TEST_F(TypesTest, MapsAndArrays) {
  PipelineHarness& pipeline = Pass(
      {{"id", "int64", "id", "Int64"},
       {"labels", "map", "labels", "Map(String, String)"},
       {"counts", "map", "counts", "Map(LowCardinality(String), Int64)"},
       {"tags", "array", "tags", "Array(String)"}},
      {R"({"id":1,"labels":{"a":"x","b":"y"},"counts":{"n":9007199254740993},"tags":["t","u"]})",
       R"({"id":2,"labels":{},"counts":{},"tags":[]})"},
      2);
  EXPECT_EQ(Select(pipeline, "id, labels, counts, tags"),
            (std::vector<std::string>{"1\t{'a':'x','b':'y'}\t{'n':9007199254740993}\t['t','u']",
                                      "2\t{}\t{}\t[]"}));
}

TEST_F(TypesTest, TimesAndIdentifiers) {
  PipelineHarness& pipeline =
      Pass({{"id", "int64", "id", "Int64"},
            {"uuid", "string", "uuid", "UUID"},
            {"at", "string", "at", "DateTime('UTC')"},
            {"exact", "string", "exact", "DateTime64(6, 'UTC')"},
            {"seconds", "int64", "seconds", "DateTime('UTC')"},
            {"flag", "bool", "flag", "Bool"}},
           {R"({"id":1,"uuid":"123E4567-e89b-12d3-a456-426614174000","at":"2024-03-15T10:22:31Z",)"
            R"("exact":"2024-03-15T10:22:31.123456Z","seconds":1710498151,"flag":true})"},
           1);
  EXPECT_EQ(
      Select(pipeline, "id, uuid, at, exact, seconds, flag"),
      std::vector<std::string>{"1\t123e4567-e89b-12d3-a456-426614174000\t2024-03-15 10:22:31\t"
                               "2024-03-15 10:22:31.123456\t2024-03-15 10:22:31\ttrue"});
}

TEST_F(TypesTest, IntegersKeepAllTheirBits) {
  PipelineHarness& pipeline =
      Pass({{"id", "int64", "id", "Int64"},
            {"large", "uint64", "large", "UInt64"},
            {"small", "int8", "small", "Int8"}},
           {R"({"id":-9223372036854775808,"large":18446744073709551615,"small":-128})",
            R"({"id":9007199254740993,"large":0,"small":127})"},
           2);
  EXPECT_EQ(Select(pipeline, "id, large, small"),
            (std::vector<std::string>{"-9223372036854775808\t18446744073709551615\t-128",
                                      "9007199254740993\t0\t127"}));
}

TEST_F(TypesTest, AValueTooLongForFixedStringIsTheOnlyDeadLetter) {
  std::vector<std::string> records;
  for (int id = 1; id <= 100; ++id) {
    records.push_back(fmt::format(R"({{"id":{},"code":"{}"}})", id, id == 42 ? "ABCDE" : "AB"));
  }
  PipelineHarness& pipeline = Pass(
      {{"id", "int64", "id", "Int64"}, {"code", "string", "code", "FixedString(4)"}}, records, 99);
  EXPECT_EQ(pipeline.clickhouse().Lines(fmt::format(
                "SELECT count(), uniqExact(id), countIf(id = 42) FROM {}", pipeline.table())),
            std::vector<std::string>{"99\t99\t0"});
  const auto letters = pipeline.DeadLetters();
  ASSERT_EQ(letters.size(), 1U);
  const auto& letter = letters.front();
  EXPECT_EQ(letter["component"], "sink");
  EXPECT_EQ(letter["reason"], "mapping_error");
  EXPECT_EQ(letter["column"], "code");
  EXPECT_EQ(letter["partition"], 0);
  EXPECT_EQ(letter["offset"], 41);
  const auto row = nlohmann::json::parse(letter["original_message"].get<std::string>());
  EXPECT_EQ(row["id"], 42);
  EXPECT_EQ(row["code"], "ABCDE");
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kRow], 99U);
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kDeadLetter], 1U);
}

TEST_F(TypesTest, ADottedNameIsALiteralKeyFirstAndThenAPath) {
  PipelineHarness& pipeline =
      Pass({{"id", "int64", "id", "Int64"}, {"user.name", "string", "name", "String"}},
           {R"({"id":1,"user":{"name":"nested"}})", R"({"id":2,"user.name":"literal"})",
            R"({"id":3,"user":{"name":"nested"},"user.name":"literal"})",
            R"({"id":4,"user.name":"literal","user":{"name":"nested"}})"},
           4);
  EXPECT_EQ(Select(pipeline, "id, name"),
            (std::vector<std::string>{"1\tnested", "2\tliteral", "3\tliteral", "4\tliteral"}));
}

TEST_F(TypesTest, KafkasMetadataAreColumns) {
  const std::string topic = NewTopic(2);
  kafka().Produce(topic, 1,
                  {{.key = "the key",
                    .value = R"({"id":7})",
                    .timestamp_ms = 1'710'498'151'123,
                    .headers = {{"trace", "abc"}}}});
  PipelineHarness& pipeline =
      NewPipeline(topic, {{"id", "int64", "id", "Int64"},
                          {"_topic", "", "topic", "LowCardinality(String)"},
                          {"_partition", "", "partition", "UInt32"},
                          {"_offset", "", "offset", "Int64"},
                          {"_timestamp", "", "at", "DateTime64(3, 'UTC')"},
                          {"_key", "", "key", "String"},
                          {"_headers", "", "headers", "Map(String, String)"}});
  pipeline.CreateTable();
  pipeline.Start();
  pipeline.WaitForRows(1);
  EXPECT_EQ(Select(pipeline, "id, topic, partition, offset, at, key, headers"),
            std::vector<std::string>{fmt::format(
                "7\t{}\t1\t0\t2024-03-15 10:22:31.123\tthe key\t{{'trace':'abc'}}", topic)});
}

// Without a mapping, columns get the field of their name; the table's defaults fill the others.
TEST_F(TypesTest, WithoutAMappingColumnsAreMatchedByName) {
  const std::string topic = NewTopic(1);
  Produce(topic, 0, {R"({"id":1,"name":"one"})", R"({"id":2,"name":"two"})"});
  PipelineHarness& pipeline =
      NewPipeline(topic, {{"id", "int64", "id", "Int64"}, {"name", "string", "name", "String"}});
  pipeline.document["sink"].erase("mapping");
  pipeline.CreateTable(
      "id Int64, name String, length UInt64 DEFAULT length(name) + 10, "
      "twice Int64 MATERIALIZED id * 2");
  pipeline.Start();
  pipeline.WaitForRows(2);
  EXPECT_EQ(Select(pipeline, "id, name, length, twice"),
            (std::vector<std::string>{"1\tone\t13\t2", "2\ttwo\t13\t4"}));
}

}  // namespace
}  // namespace penstock::testing
