// `penstock verify`: all is well; then rows are deleted and repeated by hand, and a record is made
// wrong.

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "support/join_harness.h"
#include "support/penstock_command.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using ::testing::HasSubstr;

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"},
                                            {"_topic", "", "topic", "String"},
                                            {"_partition", "", "part", "Int32"},
                                            {"_offset", "", "place", "Int64"}};

class VerifyTest : public PipelineTest {
 protected:
  static CommandAnswer Verify(const PipelineHarness& pipeline,
                              const std::string& rest = "--table") {
    return RunPenstock(pipeline, "verify", rest);
  }
  static void ByHand(const PipelineHarness& pipeline, const std::string& sql) {
    pipeline.clickhouse().Query(sql);
  }
  // Changes the record of the shard that has the account of a partition.
  static void ChangeAccount(PipelineHarness& pipeline, std::int32_t partition, int by) {
    for (auto& [shard, record] : pipeline.ShardRecords()) {
      for (auto& [origin, progress] : record.progress) {
        if (origin.partition != partition || progress.account[Outcome::kRow] == 0) continue;
        progress.account[Outcome::kRow] += static_cast<std::uint64_t>(by);
        return pipeline.PutShardRecord(shard, record);
      }
    }
    FAIL() << "no shard has the partition";
  }
};

TEST_F(VerifyTest, AFaultIsNamedByItsOffset) {
  const std::string topic = NewTopic(2);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  Produce(topic, 0, IdEvents(0, 9'000));
  Produce(topic, 1, IdEvents(10'000, 500));
  Produce(topic, 1, {"no record", R"({"id":"text"})"});
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  const CommandAnswer well = Verify(pipeline);
  EXPECT_EQ(well.code, 0) << well.text;
  EXPECT_THAT(well.text, HasSubstr("all is there: 9502 records are accounted for, each once"));
  EXPECT_THAT(well.text, HasSubstr("it has all rows of the accounts, 9500, each once"));
  EXPECT_EQ(Verify(pipeline, "--json").code, 0);

  ByHand(pipeline, fmt::format("DELETE FROM {} WHERE part = 0 AND place IN (4097, 8000, 8001)",
                               pipeline.table()));
  const CommandAnswer lacking = Verify(pipeline);
  EXPECT_EQ(lacking.code, 1) << lacking.text;
  EXPECT_THAT(lacking.text, HasSubstr(topic + "/0"));
  EXPECT_THAT(lacking.text,
              HasSubstr("the table lacks 3 rows that were confirmed: offsets 4097, 8000-8001\n"));
  EXPECT_THAT(Verify(pipeline, "").text, HasSubstr("all is there")) << "the accounts are right";

  ByHand(pipeline, fmt::format("INSERT INTO {0} SELECT * FROM {0} WHERE part = 1 AND place = 17",
                               pipeline.table()));
  const CommandAnswer repeated = Verify(pipeline);
  EXPECT_EQ(repeated.code, 1) << repeated.text;
  EXPECT_THAT(repeated.text,
              HasSubstr("the table has 1 rows too many: offsets 17 are there too often"));
  EXPECT_THAT(repeated.text, HasSubstr("offsets 4097, 8000-8001\n"));
}

TEST_F(VerifyTest, AnAccountThatIsWrongIsSeen) {
  const std::string topic = NewTopic(2);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  Produce(topic, 0, IdEvents(0, 100));
  Produce(topic, 1, IdEvents(100, 100));
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  pipeline.sink().Stop();
  ChangeAccount(pipeline, 0, -1);
  const CommandAnswer less = Verify(pipeline, "");
  EXPECT_EQ(less.code, 1) << less.text;
  EXPECT_THAT(less.text, HasSubstr("1 of the records from offset 0 to 99 is missing"));
  ChangeAccount(pipeline, 0, +2);
  const CommandAnswer more = Verify(pipeline, "");
  EXPECT_EQ(more.code, 1) << more.text;
  EXPECT_THAT(more.text, HasSubstr("1 is counted twice"));
}

// Kafka has no record at the end of a transaction, nor of one that was aborted.
TEST_F(VerifyTest, OffsetsWithoutARecordAreNotMissing) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.document["transforms"] = {{{"type", "filter"},
                                      {"source_id", "events"},
                                      {"config", {{"expression", "int(id) % 10 != 3"}}}}};
  pipeline.CreateTable();
  KafkaProducer producer(servers().kafka, {{"transactional.id", topic}});
  for (int transaction = 0; transaction < 20; ++transaction) {
    producer.BeginTransaction();
    for (int id = 0; id < 10; ++id) {
      producer.Send(topic, 0, {.value = fmt::format(R"({{"id":{}}})", transaction * 10 + id)});
    }
    transaction % 5 == 2 ? producer.AbortTransaction() : producer.CommitTransaction();
  }
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  const CommandAnswer well = Verify(pipeline);
  EXPECT_EQ(well.code, 0) << well.text;
  EXPECT_THAT(well.text, HasSubstr("all is there: 160 records are accounted for"));
  ByHand(pipeline, fmt::format("DELETE FROM {} WHERE id = 14", pipeline.table()));
  const CommandAnswer lacking = Verify(pipeline);
  EXPECT_EQ(lacking.code, 1) << lacking.text;
  EXPECT_THAT(lacking.text, HasSubstr("the table lacks 1 rows that were confirmed"));
}

TEST_F(VerifyTest, ReplayedLettersAndARunningPipelineAddUp) {
  const std::string topic = NewTopic(2);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable(
      "id Int64, topic String, part Int32, place Int64, CONSTRAINT good CHECK id % 50 != 9");
  Produce(topic, 0, IdEvents(0, 200));
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  ByHand(pipeline, "ALTER TABLE " + pipeline.table() + " DROP CONSTRAINT good");
  ASSERT_EQ(RunPenstock(pipeline, "dlq replay", "").code, 0);
  const CommandAnswer replayed = Verify(pipeline);
  EXPECT_EQ(replayed.code, 0) << replayed.text;
  EXPECT_THAT(replayed.text, HasSubstr(topic + "/0 replayed"));
  // Whatever has arrived by then, and at an end that moves.
  for (int round = 0; round < 5; ++round) {
    Produce(topic, 1, IdEvents(1'000 * round, 1'000));
    const CommandAnswer running = Verify(pipeline);
    EXPECT_EQ(running.code, 0) << running.text;
  }
  pipeline.sink().Stop();
  Produce(topic, 0, IdEvents(200, 50));
  const CommandAnswer behind = Verify(pipeline);
  EXPECT_EQ(behind.code, 0) << behind.text;
  EXPECT_THAT(behind.text, HasSubstr("are not done yet"));
}

TEST_F(VerifyTest, WithoutColumnsOfThePlaceItCounts) {
  const std::string topic = NewTopic(1);
  PipelineHarness& pipeline = NewPipeline(topic, {{"id", "int64", "id", "Int64"}});
  pipeline.CreateTable();
  Produce(topic, 0, IdEvents(0, 50));
  const CommandAnswer early = Verify(pipeline);
  EXPECT_EQ(early.code, 1);
  EXPECT_THAT(early.text, HasSubstr("it has never run there"));
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  EXPECT_EQ(Verify(pipeline).code, 0);
  ByHand(pipeline, fmt::format("DELETE FROM {} WHERE id = 3", pipeline.table()));
  const CommandAnswer lacking = Verify(pipeline);
  EXPECT_EQ(lacking.code, 1);
  EXPECT_THAT(lacking.text, HasSubstr("it has 49 rows, and 50 were confirmed: 1 are missing"));
  ByHand(pipeline, fmt::format("INSERT INTO {} SELECT number FROM numbers(3)", pipeline.table()));
  EXPECT_THAT(Verify(pipeline).text, HasSubstr("2 are repeated, or were written by somebody else"));
  EXPECT_EQ(RunPenstock(pipeline, "verify", "--tables").code, 2);
}

// With a dedup key nobody knows the shard of an offset; and a sink that was killed has blocks that
// nobody has confirmed yet.
TEST_F(VerifyTest, ARunningPipelineIsNotAccused) {
  const std::string topic = NewTopic(3);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.document["transforms"] = {{{"type", "dedup"},
                                      {"source_id", "events"},
                                      {"config", {{"key", "id"}, {"time_window", "1h"}}}}};
  pipeline.CreateTable();
  pipeline.Start();
  constexpr int kRounds = 12;
  for (int round = 0; round < kRounds; ++round) {
    for (const std::int32_t partition : {0, 1, 2}) {
      Produce(topic, partition, IdEvents(round * 2'000 + partition * 500, 2'000));
    }
    if (round % 4 == 3) {
      pipeline.sink().Kill9();
      pipeline.StartSink();
    }
    const CommandAnswer running = Verify(pipeline);
    EXPECT_EQ(running.code, 0) << running.text;
  }
  pipeline.WaitForCommits(kafka(), std::chrono::seconds(90));
  const CommandAnswer done = Verify(pipeline);
  EXPECT_EQ(done.code, 0) << done.text;
  EXPECT_THAT(done.text, HasSubstr(fmt::format("{} records are accounted for, each once\n",
                                               kRounds * 3 * 2'000)));
}

// What is in a lost bucket is in no account any more; the new ones say where they begin.
TEST_F(VerifyTest, AfterTheBucketIsLostTheAccountsBeginAnew) {
  const std::string topic = NewTopic(2);
  PipelineHarness& pipeline = NewPipeline(topic, kFields);
  pipeline.CreateTable();
  Produce(topic, 0, IdEvents(0, 500));
  Produce(topic, 1, IdEvents(500, 500));
  pipeline.Start();
  pipeline.WaitForCommits(kafka());
  ASSERT_TRUE(pipeline.streams().Remove("KV_" + protocol::Bucket(pipeline.id())).ok());
  for (int round = 0; round < 5; ++round) {
    Produce(topic, 0, IdEvents(1'000 + round * 100, 50));
    Produce(topic, 1, IdEvents(1'050 + round * 100, 50));
  }
  WaitFor("all rows", [&] { return pipeline.Rows() >= 1'500; });
  pipeline.WaitForCommits(kafka());
  const CommandAnswer verified = Verify(pipeline);
  EXPECT_EQ(verified.code, 0) << verified.text;
}

TEST_F(VerifyTest, AJoinsRowsAreCounted) {
  const std::string left = NewTopic(1);
  const std::string right = NewTopic(2);
  JoinHarness pipeline(servers(), left, right);
  pipeline.CreateJoinTable();
  Produce(left, 0, {R"({"id":"1","name":"a"})", R"({"id":"2","name":"b"})", "no record"});
  Produce(right, 1, {R"({"id":"1","name":"A"})", R"({"id":"2","name":"B"})"});
  pipeline.StartAll();
  pipeline.WaitForRows(2);
  pipeline.WaitForJoinCommits(kafka());
  const CommandAnswer well = Verify(pipeline);
  EXPECT_EQ(well.code, 0) << well.text;
  EXPECT_THAT(well.text, HasSubstr("all is there: 2 joined rows are accounted for, each once\n"));
  ByHand(pipeline, fmt::format("DELETE FROM {} WHERE id = '1'", pipeline.table()));
  EXPECT_THAT(Verify(pipeline).text, HasSubstr("it has 1 rows, and 2 were confirmed"));
  pipeline.StopAll();
}

}  // namespace
}  // namespace penstock::testing
