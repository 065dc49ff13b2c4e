#include "ctl/replay.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_records.h"
#include "protocol/batch_codec.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "support/fake_key_value.h"
#include "support/fake_streams.h"

namespace penstock::ctl {
namespace {

using penstock::testing::FakeKeyValue;
using penstock::testing::FakeStreams;
using ::testing::ElementsAre;

constexpr std::uint32_t kShards = 2;

/// Replays against servers in memory; the test plays the sink.
class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() {
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      const ShardId id(shard);
      EXPECT_TRUE(streams_
                      .Ensure({.name = protocol::StreamName("orders", protocol::Hop::kIn, id),
                               .subjects = {protocol::Subject("orders", protocol::Hop::kIn, id)}})
                      .ok());
    }
  }

  std::vector<ReplayOutcome> Replay(const std::vector<DeadLetter>& letters) {
    SourcePlan plan;
    PlannedField field;
    field.name = "id";
    field.type = FieldType::kInt64;
    field.declared_type = "int64";
    field.physical = PhysicalType::kInt64;
    plan.fields.push_back(field);
    auto reader = stage::RecordReader::Make({.plan = plan, .shards = kShards});
    EXPECT_TRUE(reader.ok());
    SourceSpec source;
    source.source_id = "events";
    source.topic = "t";
    Replayer replayer(
        {.pipeline_id = "orders",
         .shards = kShards,
         .source = source,
         .plan = plan,
         .patience = std::chrono::milliseconds(50),
         .wait = {}},
        {.records = records_, .publisher = streams_, .bucket = bucket_, .clock = SystemClock()},
        std::move(reader).value());
    const auto replayed = replayer.Replay(letters, {});
    EXPECT_TRUE(replayed.ok()) << (replayed.ok() ? "" : replayed.error().detail);
    std::vector<ReplayOutcome> outcomes;
    if (!replayed.ok()) return outcomes;
    for (const ReplayedLetter& one : replayed.value()) outcomes.push_back(one.outcome);
    return outcomes;
  }

  /// What was sent to the shards, as a sink reads it.
  std::vector<protocol::Envelope> Sent() {
    std::vector<protocol::Envelope> sent;
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      const auto stream = protocol::StreamName("orders", protocol::Hop::kIn, ShardId(shard));
      for (const io::StreamMessage& message : streams_.Messages(stream)) {
        auto envelope = protocol::ReadEnvelope(message.data);
        EXPECT_TRUE(envelope.ok());
        sent.push_back(std::move(envelope).value());
      }
    }
    return sent;
  }

  /// The sink confirms the message's record with this outcome.
  void Confirm(const protocol::Envelope& envelope, Outcome outcome) {
    const std::string key = protocol::ShardRecordKey(envelope.shard);
    const auto entry = bucket_.Get(key);
    ASSERT_TRUE(entry.ok() && entry.value().has_value());
    auto record = protocol::DecodeShardRecord(entry.value()->value);
    ASSERT_TRUE(record.ok());
    ShardRecord changed = std::move(record).value();
    OriginProgress& progress = changed.progress[envelope.sections.front().origin];
    progress.confirmed = envelope.sections.front().last;
    progress.account[outcome] = 1;
    ASSERT_TRUE(
        bucket_.Update(key, protocol::EncodeShardRecord(changed), entry.value()->revision).ok());
  }

  static DeadLetter Letter(std::int64_t offset, std::string component = "sink") {
    DeadLetter letter;
    letter.component = std::move(component);
    letter.original_message = R"({"id":7})";
    letter.origin = {
        .source_id = "events", .topic = "t", .partition = 1, .generation = 1, .incarnation = 1};
    letter.offset = Offset(offset);
    return letter;
  }

  FakeRecords records_;
  FakeStreams streams_;
  FakeKeyValue bucket_;
};

TEST_F(ReplayTest, ARecordIsAnOriginOfItsOwn) {
  records_.records[{1, 300}] = R"({"id":3})";
  EXPECT_THAT(Replay({Letter(300)}), ElementsAre(ReplayOutcome::kUnconfirmed));
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 1U);
  const Section& section = sent[0].sections.at(0);
  EXPECT_EQ(section.origin.source_id, "events#replay/1/300");
  EXPECT_EQ(section.origin.topic, "t");
  EXPECT_EQ(section.origin.partition, 1);
  EXPECT_EQ(section.after, Offset(299));
  EXPECT_EQ(section.last, Offset(300));
  EXPECT_EQ(section.committed, Offset(300));
  EXPECT_NE(section.birth, 0U);
}

TEST_F(ReplayTest, AJoinedRowIsNoRecord) {
  DeadLetter joined = Letter(300, "sink");
  joined.origin = JoinOrigin(ShardId(1));
  EXPECT_THAT(Replay({joined}), ElementsAre(ReplayOutcome::kNotARow));
  EXPECT_TRUE(Sent().empty());
}

TEST(CheckReplayable, APipelineWithAJoinIsRefused) {
  PipelineSpec spec;
  EXPECT_TRUE(CheckReplayable(spec).ok());
  spec.join.emplace();
  ASSERT_FALSE(CheckReplayable(spec).ok());
  EXPECT_EQ(CheckReplayable(spec).error().code, "replay");
  EXPECT_NE(CheckReplayable(spec).error().detail.find("to their topics again"), std::string::npos);
}

TEST_F(ReplayTest, WhatIsInIsNotSentAgain) {
  records_.records[{1, 300}] = R"({"id":3})";
  Replay({Letter(300)});
  Confirm(Sent().at(0), Outcome::kRow);
  EXPECT_THAT(Replay({Letter(300)}), ElementsAre(ReplayOutcome::kWasInserted));
  EXPECT_EQ(Sent().size(), 1U);
}

// Until the sink has answered, the same origin goes again: it takes one of them.
TEST_F(ReplayTest, WhatIsUnconfirmedGoesAsTheSameOriginAgain) {
  records_.records[{1, 300}] = R"({"id":3})";
  Replay({Letter(300)});
  Replay({Letter(300)});
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0].sections.at(0).origin, sent[1].sections.at(0).origin);
}

TEST_F(ReplayTest, WhatWasRefusedAgainMayGoOnceMore) {
  records_.records[{1, 300}] = R"({"id":3})";
  Replay({Letter(300)});
  Confirm(Sent().at(0), Outcome::kDeadLetter);
  DeadLetter again = Letter(300);
  again.origin.source_id = "events#replay/1/300";
  EXPECT_THAT(Replay({Letter(300), again}),
              ElementsAre(ReplayOutcome::kUnconfirmed, ReplayOutcome::kUnconfirmed));
  const auto sent = Sent();
  ASSERT_EQ(sent.size(), 2U) << "two letters of one record";
  EXPECT_EQ(sent[1].sections.at(0).origin.source_id, "events#replay/2/300");
}

// As a dead letter: with another filter, or after the window, it may become a row.
TEST_F(ReplayTest, WhatTheTransformLeftOutMayGoOnceMore) {
  records_.records[{1, 300}] = R"({"id":3})";
  std::uint32_t attempt = 0;
  for (const Outcome outcome : {Outcome::kFiltered, Outcome::kDuplicate}) {
    Replay({Letter(300)});
    const auto sent = Sent();
    ASSERT_EQ(sent.size(), ++attempt);
    EXPECT_EQ(sent.back().sections.at(0).origin.source_id,
              fmt::format("events#replay/{}/300", attempt));
    Confirm(sent.back(), outcome);
  }
}

TEST_F(ReplayTest, ARecordThatKafkaDeletedComesFromTheIngestorsLetterAlone) {
  EXPECT_THAT(Replay({Letter(1, "ingestor"), Letter(2, "sink")}),
              ElementsAre(ReplayOutcome::kUnconfirmed, ReplayOutcome::kGone));
}

TEST_F(ReplayTest, WhatIsNoRowStillIsNotSent) {
  records_.records[{1, 1}] = R"({"id":"x"})";
  records_.records[{1, 2}] = R"({"id":2})";
  DeadLetter other = Letter(2);
  other.origin.topic = "another";
  EXPECT_THAT(Replay({Letter(1), other}),
              ElementsAre(ReplayOutcome::kNotARow, ReplayOutcome::kNotARow));
  EXPECT_TRUE(Sent().empty());
}

}  // namespace
}  // namespace penstock::ctl
