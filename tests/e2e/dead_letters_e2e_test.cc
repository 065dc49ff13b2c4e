// Records that cannot become rows: each is one dead letter with all that is needed to find and
// judge it, and nothing else is held up.

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "base/text.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using nlohmann::json;

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"},
                                            {"name", "string", "name", "String"}};

class DeadLettersTest : public PipelineTest {
 protected:
  /// The letters by offset; each offset has one.
  static std::map<std::int64_t, json> ByOffset(const std::vector<json>& letters) {
    std::map<std::int64_t, json> found;
    for (const json& letter : letters) {
      EXPECT_TRUE(found.emplace(letter["offset"], letter).second) << "a second " << letter;
    }
    return found;
  }

  /// What every letter of the ingestor has.
  static void ExpectIngestorLetter(const json& letter, std::string_view reason,
                                   std::string_view original, const PipelineHarness& pipeline) {
    EXPECT_EQ(letter["component"], "ingestor") << letter;
    EXPECT_EQ(letter["stage"], "ingestor") << letter;
    EXPECT_EQ(letter["reason"], reason) << letter;
    EXPECT_EQ(letter["original_message"], original) << letter;
    EXPECT_EQ(letter["pipeline_id"], pipeline.id()) << letter;
    EXPECT_EQ(letter["topic"], pipeline.topic()) << letter;
    EXPECT_EQ(letter["source_id"], "events") << letter;
    EXPECT_TRUE(letter["error"].is_string() && !letter["error"].get<std::string>().empty());
  }
};

TEST_F(DeadLettersTest, AMissingOrIllTypedFieldNamesIt) {
  const std::string topic = NewTopic(1);
  const std::string missing = R"({"id":1})";
  const std::string null = R"({"id":2,"name":null})";
  const std::string ill_typed = R"({"id":"three","name":"x"})";
  const std::string too_large = R"({"id":9223372036854775808,"name":"x"})";
  Produce(topic, 0, {missing, null, R"({"id":0,"name":"good"})", ill_typed, too_large});
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.clickhouse().Lines("SELECT id, name FROM " + pipeline.table()),
            std::vector<std::string>{"0\tgood"});
  const auto letters = ByOffset(pipeline.DeadLetters());
  ASSERT_EQ(letters.size(), 4U);
  const std::map<std::int64_t, std::pair<std::string, std::string>> wanted = {
      {0, {missing, "name"}}, {1, {null, "name"}}, {3, {ill_typed, "id"}}, {4, {too_large, "id"}}};
  for (const auto& [offset, original] : wanted) {
    ASSERT_TRUE(letters.contains(offset)) << offset;
    const json& letter = letters.at(offset);
    ExpectIngestorLetter(letter, "schema_mismatch", original.first, pipeline);
    EXPECT_NE(letter["error"].get<std::string>().find(original.second), std::string::npos)
        << letter;
    EXPECT_EQ(letter["partition"], 0);
  }
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kRow], 1U);
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kDeadLetter], 4U);
}

TEST_F(DeadLettersTest, BytesThatAreNoJsonAreKeptAsTheyAre) {
  const std::string topic = NewTopic(1);
  const std::string binary = std::string("\xff\xfe\x00{\"id\":", 9);
  kafka().Produce(topic, 0,
                  {{.value = R"({"id":1,"name":"good"})"},
                   {.key = "k", .value = "{not json", .timestamp_ms = 1'710'498'151'123},
                   {.key = "\xc3\x28", .value = binary},
                   {.value = ""},
                   {.value = std::nullopt},
                   {.value = "[1,2]"},
                   {.value = R"({"id":2,"name":"good")"},
                   {.value = R"({"id":3,"name":"good"})"}});
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.clickhouse().Lines("SELECT id FROM " + pipeline.table() + " ORDER BY id"),
            (std::vector<std::string>{"1", "3"}));
  const auto letters = ByOffset(pipeline.DeadLetters());
  ASSERT_EQ(letters.size(), 6U);
  ExpectIngestorLetter(letters.at(1), "parse_error", "{not json", pipeline);
  EXPECT_EQ(letters.at(1)["key"], "k");
  EXPECT_EQ(letters.at(1)["timestamp"], "2024-03-15T10:22:31.123Z");
  ExpectIngestorLetter(letters.at(2), "parse_error", Base64Encode(binary), pipeline);
  EXPECT_EQ(letters.at(2)["encoding"], "base64");
  EXPECT_EQ(letters.at(2)["key"], Base64Encode("\xc3\x28"));
  EXPECT_EQ(letters.at(2)["key_encoding"], "base64");
  ExpectIngestorLetter(letters.at(3), "parse_error", "", pipeline);
  ExpectIngestorLetter(letters.at(6), "parse_error", R"({"id":2,"name":"good")", pipeline);
  EXPECT_FALSE(letters.at(1).contains("encoding"));
  EXPECT_EQ(pipeline.TotalAccount()[Outcome::kDeadLetter], 6U);
}

// Bad records among many good ones, over several partitions and shards: every record is in
// exactly one of table and dead letters, and all counters agree.
TEST_F(DeadLettersTest, TheAccountAddsUp) {
  constexpr int kRecords = 3000;
  const std::string topic = NewTopic(3);
  std::uint64_t bad = 0;
  for (const std::int32_t partition : {0, 1, 2}) {
    std::vector<std::string> records;
    for (int i = 0; i < kRecords; ++i) {
      const bool poison = i % 97 == partition;
      const bool too_long = i % 101 == partition;
      records.push_back(poison ? "poison"
                               : fmt::format(R"({{"id":{},"name":"{}"}})", i,
                                             too_long ? "far too long" : "short"));
      if (poison || too_long) ++bad;
    }
    Produce(topic, partition, records);
  }
  PipelineHarness& pipeline = NewPipeline(
      topic, {{"id", "int64", "id", "Int64"}, {"name", "string", "name", "FixedString(8)"}});
  pipeline.CreateTable();
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(pipeline.Rows(), 3 * kRecords - bad);
  EXPECT_EQ(pipeline.DeadLetters().size(), bad);
  const MetricsPage ingestor = pipeline.ingestor().Metrics();
  EXPECT_EQ(ingestor.Sum("penstock_ingestor_rows_in_total"), 3 * kRecords);
  EXPECT_EQ(ingestor.Sum("penstock_ingestor_rows_in_flight"), 0);
  EXPECT_EQ(ingestor.Sum("penstock_ingestor_rows_out_total") +
                ingestor.Sum("penstock_ingestor_rows_dead_lettered_total"),
            3 * kRecords);
  const MetricsPage sink = pipeline.sink().Metrics();
  EXPECT_EQ(sink.Sum("penstock_sink_rows_in_total"), 3 * kRecords);
  EXPECT_EQ(sink.Sum("penstock_sink_rows_in_flight"), 0);
  EXPECT_EQ(sink.Sum("penstock_sink_rows_replayed_total"), 0);
  EXPECT_EQ(sink.Sum("penstock_sink_rows_out_total"), static_cast<double>(pipeline.Rows()));
  EXPECT_EQ(sink.Sum("penstock_sink_rows_dead_lettered_total") +
                sink.Sum("penstock_sink_rows_dead_lettered_before_total"),
            static_cast<double>(bad));
  const Account account = pipeline.TotalAccount();
  EXPECT_EQ(account[Outcome::kRow], pipeline.Rows());
  EXPECT_EQ(account[Outcome::kDeadLetter], bad);
}

}  // namespace
}  // namespace penstock::testing
