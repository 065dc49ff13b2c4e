// `penstock dlq`: records that a constraint has refused are found, shown, sent again and purged.

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "process/child_process.h"
#include "support/penstock_command.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"},
                                            {"_offset", "", "place", "Int64"}};

class DlqTest : public PipelineTest {
 protected:
  static CommandAnswer Dlq(const PipelineHarness& pipeline, const std::string& command,
                           const std::string& rest) {
    return RunPenstock(pipeline, "dlq " + command, rest);
  }
};

TEST_F(DlqTest, RefusedRowsComeInOnceAfterTheConstraintIsGone) {
  constexpr int kRecords = 2'100;
  constexpr int kBad = 7;
  const std::string topic = NewTopic(2);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable("id Int64, place Int64, CONSTRAINT good CHECK id % 300 != 250");
  std::array<std::vector<std::string>, 2> records;
  for (int id = 0; id < kRecords; ++id) {
    records.at(static_cast<std::size_t>(id % 2)).push_back(fmt::format("{{\"id\":{}}}", id));
  }
  for (const std::int32_t partition : {0, 1}) {
    Produce(topic, partition, records.at(static_cast<std::size_t>(partition)));
  }
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  ASSERT_EQ(pipeline.Rows(), kRecords - kBad);
  const CommandAnswer listed = Dlq(pipeline, "list", "--where code=469");
  EXPECT_EQ(listed.code, 0);
  EXPECT_THAT(listed.text, HasSubstr(fmt::format("{} dead letters", kBad)));
  EXPECT_THAT(Dlq(pipeline, "list", "--where code=1").text, HasSubstr("0 dead letters"));
  const CommandAnswer shown = Dlq(pipeline, "show", fmt::format("{}/0/125", topic));
  EXPECT_EQ(shown.code, 0) << shown.text;
  EXPECT_THAT(shown.text, HasSubstr("469 VIOLATED_CONSTRAINT"));

  const CommandAnswer too_early = Dlq(pipeline, "replay", "--where offset=125");
  EXPECT_EQ(too_early.code, 1);
  EXPECT_THAT(too_early.text, HasSubstr("refused again"));

  pipeline.clickhouse().Query("ALTER TABLE " + pipeline.table() + " DROP CONSTRAINT good");
  const CommandAnswer replayed = Dlq(pipeline, "replay", "--where code=469");
  EXPECT_EQ(replayed.code, 0) << replayed.text;
  EXPECT_THAT(replayed.text, HasSubstr(fmt::format("{} inserted", kBad + 1)));
  EXPECT_EQ(pipeline.Rows(), kRecords);
  const CommandAnswer again = Dlq(pipeline, "replay", "");
  EXPECT_EQ(again.code, 0) << again.text;
  EXPECT_THAT(again.text, HasSubstr(fmt::format("{} was inserted before", kBad + 1)));
  EXPECT_EQ(pipeline.Rows(), kRecords);
  const auto sums = pipeline.clickhouse().Lines(
      "SELECT uniqExact(id), countIf(place != intDiv(id, 2)) FROM " + pipeline.table());
  EXPECT_EQ(sums, std::vector<std::string>{fmt::format("{}\t0", kRecords)});

  EXPECT_EQ(Dlq(pipeline, "purge", "").code, 2) << "without a word about which";
  EXPECT_THAT(Dlq(pipeline, "purge", "--where offset=125").text,
              HasSubstr("2 dead letters purged"));
  EXPECT_THAT(Dlq(pipeline, "list", "").text,
              HasSubstr(fmt::format("{} dead letters\n", kBad - 1)));
  EXPECT_THAT(Dlq(pipeline, "list", "").text, Not(HasSubstr("/0/125 ")));
}

// The command dies between two letters, several times: what it has sent counts, the rest is sent by
// the next call.
TEST_F(DlqTest, AReplayThatIsKilledBetweenLettersIsFinishedByTheNext) {
  constexpr std::uint64_t kRecords = 100;
  constexpr int kKills = 2;
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline =
      NewPipeline(topic, {{"id", "string", "id", "UUID"}, {"_offset", "", "place", "Int64"}});
  pipeline.document["resources"]["shards"] = 1;
  pipeline.document["sink"]["max_delay_time"] = "20ms";
  for (auto& column : pipeline.document["sink"]["mapping"]) column.erase("column_type");
  std::vector<std::string> records;
  for (std::uint64_t id = 0; id < kRecords; ++id) {
    records.push_back(fmt::format(R"({{"id":"number {}"}})", id));
  }
  pipeline.CreateTable();
  Produce(topic, 0, records);
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  ASSERT_EQ(pipeline.Rows(), 0U);
  ASSERT_EQ(pipeline.DeadLetters().size(), kRecords);
  pipeline.clickhouse().Query("ALTER TABLE " + pipeline.table() + " DROP COLUMN id");
  pipeline.clickhouse().Query("ALTER TABLE " + pipeline.table() + " ADD COLUMN id String");
  pipeline.sink().Stop();
  pipeline.StartSink();
  for (int kill = 0; kill < kKills; ++kill) {
    const std::uint64_t before = pipeline.Rows();
    auto started =
        process::ChildProcess::Start({.name = "dlq replay",
                                      .argv = PenstockWords(pipeline, {"dlq", "replay"}, {}),
                                      .output_file = "/dev/null"});
    ASSERT_TRUE(started.ok());
    process::ChildProcess replay = std::move(started).value();
    WaitFor("some of the letters are rows", [&] { return pipeline.Rows() > before; });
    EXPECT_EQ(replay.Kill().signal, 9) << "it was done before";
  }
  const std::uint64_t killed_at = pipeline.Rows();
  EXPECT_LT(killed_at, kRecords) << "no kill came between two letters";
  const CommandAnswer rest = Dlq(pipeline, "replay", "");
  EXPECT_EQ(rest.code, 0) << rest.text;
  EXPECT_THAT(rest.text, HasSubstr(" inserted, "));
  EXPECT_THAT(rest.text, HasSubstr(" was inserted before"));
  EXPECT_EQ(pipeline.clickhouse().Lines(
                fmt::format("SELECT count(), uniqExact(id) FROM {}", pipeline.table())),
            std::vector<std::string>{fmt::format("{0}\t{0}", kRecords)});
}

}  // namespace
}  // namespace penstock::testing
