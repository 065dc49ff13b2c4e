#include "sink/shard_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/wait.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "stream_model.h"
#include "support/fake_key_value.h"
#include "support/fake_streams.h"
#include "support/fake_table.h"

namespace penstock::sink {
namespace {

using penstock::testing::FakeKeyValue;
using penstock::testing::FakeStreams;
using penstock::testing::FakeTable;

const std::string kStream = protocol::StreamName("orders", protocol::Hop::kIn, ShardId(0));
const std::string kSubject = protocol::Subject("orders", protocol::Hop::kIn, ShardId(0));
const std::string kLetters = protocol::DeadLetterSubject("orders", "sink");

// Some rows fit no column, some the table refuses.
bool IsUnconvertible(std::int64_t id) {
  return id % 50 == 20;
}
bool IsRefused(std::int64_t id) {
  return id % 70 == 33;
}
bool IsBad(const RowId& row) {
  const std::int64_t id = row.first * 1'000'000 + row.second;
  return IsUnconvertible(id) || IsRefused(id);
}

class ShardWriterTest : public ::testing::Test {
 protected:
  ShardWriterTest() {
    EXPECT_TRUE(streams_.Ensure({.name = kStream, .subjects = {kSubject}}).ok());
    EXPECT_TRUE(
        streams_.Ensure({.name = protocol::DeadLetterStream("orders"), .subjects = {kLetters}})
            .ok());
    table_.Set({.unconvertible = IsUnconvertible,
                .refused = IsRefused,
                .partitions = 11,
                .partition_limit = 5,
                .busy = 12,
                .no_memory = 12,
                .lost = 10});
  }

  // One life of a sink process.
  struct Life {
    Life(ShardWriterTest& test, FakeKeyValue& bucket, std::size_t rows)
        : pool({.converters = 1, .queue_limit = 8, .first_retry = std::chrono::milliseconds(1)},
               {.table = test.table_, .clock = SystemClock(), .metrics = test.sink_metrics_}),
          writer({.pipeline_id = "orders",
                  .shard = ShardId(0),
                  .shards = 1,
                  .stream = kStream,
                  .dead_letter_subject = kLetters,
                  .fingerprints = {1, 1},
                  .limits = {.rows = rows, .message_bytes = 1 << 20, .body_bytes = 1 << 20},
                  .max_delay = std::chrono::milliseconds(1),
                  .held_bytes = 1 << 20,
                  .blocks_in_flight = 2,
                  .trim_interval = std::chrono::milliseconds(5)},
                 {.streams = test.streams_,
                  .publisher = test.streams_,
                  .bucket = bucket,
                  .pool = pool,
                  .clock = SystemClock(),
                  .metrics = test.sink_metrics_}) {
      writer.Start();
    }
    // Dies as by kill -9, as far as the outside can tell: nothing is finished, nothing flushed.
    ~Life() {
      writer.StopNow();
      pool.Stop();
    }

    InsertPool pool;
    ShardWriter writer;
  };

  void Publish(StreamModel& model) { Publish(StreamModel::Encode(model.NextBatch())); }
  void Publish(const std::string& message) {
    ASSERT_TRUE(
        streams_
            .PublishAndWait(
                {.subject = kSubject, .data = message, .expected_last = {}, .message_id = {}},
                std::chrono::seconds(1))
            .ok());
  }

  ShardRecord Record() {
    const auto entry = bucket_.Get(protocol::ShardRecordKey(ShardId(0)));
    if (!entry.ok() || !entry.value()) return {};
    return protocol::DecodeShardRecord(entry.value()->value).value();
  }

  bool WaitFor(const std::function<bool()>& condition) {
    const Clock::Time deadline = SystemClock().Now() + std::chrono::seconds(20);
    while (!condition() && SystemClock().Now() < deadline) {
      WaitUntil(SystemClock().Now() + std::chrono::milliseconds(1), {});
    }
    return condition();
  }

  StreamSeq LastSeq() { return streams_.State(kStream).value().last; }

  FakeStreams streams_;
  FakeKeyValue bucket_;
  FakeTable table_{5};
  Metrics metrics_;
  SinkMetrics sink_metrics_{metrics_, SystemClock()};
};

TEST_F(ShardWriterTest, RowsArriveAndTheRecordSaysSo) {
  StreamModel model(1);
  for (int i = 0; i < 20; ++i) Publish(model);
  Life life(*this, bucket_, 100);
  ASSERT_TRUE(WaitFor([&] { return Record().position.seq == LastSeq(); }));
  const ShardRecord record = Record();
  EXPECT_EQ(record.term, 1U);
  EXPECT_TRUE(record.intents.empty());
  std::uint64_t rows = 0;
  std::uint64_t bad = 0;
  for (const auto& [origin, progress] : record.progress) rows += progress.account[Outcome::kRow];
  for (const RowId& row : model.rows()) bad += IsBad(row) ? 1U : 0U;
  EXPECT_EQ(rows, table_.row_count());
  EXPECT_EQ(rows + bad, model.rows().size());
}

// A record that is made late, or anew, does not claim what Kafka's commit says was done before it.
TEST_F(ShardWriterTest, AnAccountSaysWhereItBegins) {
  const Origin origin{"s", "t", 0, 1, 1};
  const auto publish = [&](std::int64_t first, std::int64_t committed) {
    Batch batch;
    batch.fingerprints = {1, 1};
    batch.columns.emplace_back("id", PhysicalType::kInt64);
    Section& section = batch.sections.emplace_back();
    section.origin = origin;
    section.after = Offset(first - 1);
    section.committed = Offset(committed);
    section.birth = 1ULL << 62;  // Of whatever record the test makes.
    for (std::int64_t offset = first; offset < first + 10; ++offset) {
      section.Add(Offset(offset), Outcome::kRow);
      batch.timestamps_ms.push_back(offset);
      batch.columns[0].Append(Cell::Int64(offset));
    }
    Publish(StreamModel::Encode(batch));
  };
  publish(95, 100);
  publish(105, 100);
  Life life(*this, bucket_, 3);
  ASSERT_TRUE(WaitFor([&] { return Record().position.seq == LastSeq(); }));
  const OriginProgress progress = Record().progress.at(origin);
  EXPECT_EQ(progress.first, Offset(100));
  EXPECT_EQ(progress.confirmed, Offset(114));
  EXPECT_EQ(progress.account[Outcome::kRow] + progress.account[Outcome::kDeadLetter], 15U);
}

// The promise: whatever dies at whatever moment, every row is in the table once, or has a dead
// letter.
TEST_F(ShardWriterTest, NothingIsLostAndNothingIsTwiceWhereverTheSinkDies) {
  std::mt19937_64 random(11);
  StreamModel model(11);
  for (int life_number = 0; life_number < 60; ++life_number) {
    FakeKeyValue client(bucket_);
    client.faults().Roll(random(), 0.005, 0.05);
    Life life(*this, client, random() % 60 + 1);
    for (std::uint64_t i = random() % 6; i > 0; --i) Publish(model);
    const std::size_t inserts = table_.applied() + random() % 5;
    WaitFor([&] { return table_.applied() >= inserts || Record().position.seq == LastSeq(); });
  }
  Life last(*this, bucket_, 100);
  ASSERT_TRUE(
      WaitFor([&] { return Record().position.seq == LastSeq() && Record().intents.empty(); }));
  const ShardRecord record = Record();
  std::uint64_t rows = 0;
  std::uint64_t dead = 0;
  for (const auto& [origin, progress] : record.progress) {
    rows += progress.account[Outcome::kRow];
    dead += progress.account[Outcome::kDeadLetter];
  }
  std::size_t bad = 0;
  for (const RowId& row : model.rows()) bad += IsBad(row) ? 1U : 0U;
  EXPECT_EQ(table_.row_count(), model.rows().size() - bad);
  EXPECT_EQ(rows, table_.row_count()) << "the account is the table's";
  EXPECT_GE(dead, bad);
}

TEST_F(ShardWriterTest, TheRecordHasTheCheckpointOfTheJoinsLastConfirmedMessage) {
  std::mt19937_64 random(12);
  JoinModel model(12);
  const auto check = [&] {
    const ShardRecord record = Record();
    ASSERT_EQ(record.join.has_value(), record.position.seq.rep() > 0);
    if (!record.join) return;
    ASSERT_EQ(*record.join, JoinModel::CheckpointOf(record.position.seq.rep()));
  };
  for (int life_number = 0; life_number < 20; ++life_number) {
    FakeKeyValue client(bucket_);
    client.faults().Roll(random(), 0.005, 0.05);
    Life life(*this, client, random() % 60 + 1);
    for (std::uint64_t i = random() % 6; i > 0; --i)
      Publish(StreamModel::Encode(model.NextBatch()));
    const std::size_t inserts = table_.applied() + random() % 5;
    WaitFor([&] {
      check();
      return table_.applied() >= inserts || Record().position.seq == LastSeq();
    });
  }
  Life last(*this, bucket_, 100);
  ASSERT_TRUE(WaitFor([&] { return Record().position.seq == LastSeq(); }));
  check();
}

TEST_F(ShardWriterTest, AZombieWritesNothingThatCounts) {
  StreamModel model(2);
  Publish(model);
  Life old(*this, bucket_, 100);
  ASSERT_TRUE(WaitFor([&] { return Record().position.seq == LastSeq(); }));
  FakeKeyValue other(bucket_);
  Life next(*this, other, 100);
  ASSERT_TRUE(WaitFor([&] { return Record().term == 2; }));
  for (int i = 0; i < 5; ++i) Publish(model);
  ASSERT_TRUE(WaitFor([&] { return Record().position.seq == LastSeq() && old.writer.failure(); }));
  EXPECT_EQ(old.writer.failure()->code, "conflict");
  EXPECT_FALSE(next.writer.failure());
}

TEST_F(ShardWriterTest, ADrainInsertsThePartFilledBlock) {
  StreamModel model(3);
  for (int i = 0; i < 3; ++i) Publish(model);
  Life life(*this, bucket_, 1'000'000);
  ASSERT_TRUE(WaitFor([&] { return Record().term == 1; }));
  WaitFor([&] { return Record().position.seq == LastSeq(); });
  life.writer.RequestStop();
  EXPECT_TRUE(WaitFor([&] { return life.writer.ended(); }));
  EXPECT_EQ(Record().position.seq, LastSeq());
}

TEST_F(ShardWriterTest, ATableThatIsAwayLosesNothingAndKeepsWithinItsBudget) {
  StreamModel model(4);
  table_.Close();
  Life life(*this, bucket_, 50);
  for (int i = 0; i < 50; ++i) Publish(model);
  ASSERT_TRUE(WaitFor([&] { return !Record().intents.empty(); }));
  EXPECT_LE(Record().intents.size(), 2U) << "as many as may be in flight";
  EXPECT_EQ(table_.row_count(), 0U);
  table_.Open();
  ASSERT_TRUE(WaitFor([&] { return Record().position.seq == LastSeq(); }));
}

// The pool lives on for other shards: it must not try the blocks of this one for ever.
TEST_F(ShardWriterTest, AShardThatIsStoppedTakesItsBlocksFromThePool) {
  StreamModel model(5);
  table_.Close();
  Life life(*this, bucket_, 50);
  for (int i = 0; i < 50; ++i) Publish(model);
  ASSERT_TRUE(WaitFor([&] { return Record().intents.size() == 2; }));
  life.writer.StopNow();
  EXPECT_TRUE(life.writer.ended());
  EXPECT_THAT(metrics_.Expose(), ::testing::HasSubstr("penstock_sink_rows_in_flight 0\n"));
  table_.Open();
  EXPECT_EQ(table_.row_count(), 0U);
  Life next(*this, bucket_, 50);
  ASSERT_TRUE(WaitFor([&] { return Record().position.seq == LastSeq(); }));
}

TEST_F(ShardWriterTest, AMessageThatCannotBeReadStopsTheShardWithAClearError) {
  ASSERT_TRUE(streams_
                  .PublishAndWait({.subject = kSubject,
                                   .data = "no batch at all",
                                   .expected_last = {},
                                   .message_id = {}},
                                  std::chrono::seconds(1))
                  .ok());
  Life life(*this, bucket_, 50);
  ASSERT_TRUE(WaitFor([&] { return life.writer.failure().has_value(); }));
  EXPECT_EQ(life.writer.failure()->code, "corrupt");
  EXPECT_THAT(life.writer.failure()->detail, ::testing::HasSubstr(kStream));
}

TEST_F(ShardWriterTest, WhatIsDoneWithIsTrimmedButTheLastMessage) {
  StreamModel model(6);
  for (int i = 0; i < 30; ++i) Publish(model);
  Life life(*this, bucket_, 100);
  ASSERT_TRUE(WaitFor([&] { return streams_.State(kStream).value().first == LastSeq(); }));
  EXPECT_EQ(streams_.Messages(kStream).size(), 1U);
}

}  // namespace
}  // namespace penstock::sink
