#include "ctl/verification.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_group.h"
#include "fake_records.h"
#include "protocol/names.h"
#include "protocol/routing.h"
#include "protocol/shard_record_codec.h"
#include "support/fake_key_value.h"

namespace penstock::ctl {
namespace {

using penstock::testing::FakeKeyValue;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kShards = 3;

Origin OriginOf(std::uint32_t generation = 1, std::uint32_t incarnation = 1) {
  return {"events", "t", 0, generation, incarnation};
}

/// One partition of one source; a test says what Kafka has and what the shards' records say.
class VerifierTest : public ::testing::Test {
 protected:
  VerifierTest() {
    SourceSpec& source = spec_.sources.emplace_back();
    source.source_id = "events";
    source.topic = "t";
    spec_.resources.shards = kShards;
    plan_.sources.emplace_back();
    records_.partitions = 1;
    SetKafka(0, 0, 0);
  }

  void SetKafka(std::int64_t low, std::int64_t committed, std::int64_t end) {
    records_.marks[0] = {.low = Offset(low), .high = Offset(end)};
    group_.committed[0] = {.next = Offset(committed), .metadata = metadata_};
  }
  // What a sink that has confirmed every record of [first, end) would record, by shard.
  void Account(const Origin& origin, std::int64_t first, std::int64_t end) {
    for (std::int64_t offset = first; offset < end; ++offset) {
      const ShardId shard = protocol::ShardOf(origin.partition, Offset(offset), kShards);
      OriginProgress& progress = shards_[shard.rep()].progress[origin];
      if (!progress.first) progress.first = Offset(first);
      progress.confirmed = Offset(offset);
      if (!records_.absent.contains({0, offset})) ++progress.account[Outcome::kRow];
    }
  }
  void Add(std::uint32_t shard, const Origin& origin, std::int64_t rows) {
    shards_[shard].progress[origin].account[Outcome::kRow] += static_cast<std::uint64_t>(rows);
  }

  Verification Verify() {
    FakeKeyValue bucket(FakeKeyValue::Telling::kByHand);
    for (const auto& [shard, record] : shards_) {
      EXPECT_TRUE(
          bucket
              .Create(protocol::ShardRecordKey(ShardId(shard)), protocol::EncodeShardRecord(record))
              .ok());
    }
    Verifier verifier({.spec = spec_, .plan = plan_, .patience = std::chrono::seconds(1)},
                      {.bucket = bucket, .sources = {{records_, group_}}, .clock = SystemClock()});
    auto verification = verifier.Run({});
    EXPECT_TRUE(verification.ok());
    return std::move(verification).value();
  }
  static std::vector<std::string> Faults(const Verification& verification) {
    Findings findings;
    Judge(verification, findings);
    std::vector<std::string> faults;
    for (const auto& finding : findings.all()) {
      if (finding.level == Findings::Level::kFault) faults.push_back(finding.text);
    }
    return faults;
  }

  PipelineSpec spec_;
  PipelinePlan plan_;
  FakeRecords records_;
  FakeGroup group_;
  std::string metadata_ = "p1 1 1";
  std::map<std::uint32_t, ShardRecord> shards_;
};

TEST_F(VerifierTest, EverythingIsThere) {
  Account(OriginOf(), 100, 20'000);
  SetKafka(0, 20'000, 20'050);
  const Verification all = Verify();
  EXPECT_THAT(Faults(all), IsEmpty());
  ASSERT_EQ(all.partitions.size(), 1U);
  EXPECT_EQ(all.partitions[0].not_done, 50);
  EXPECT_EQ(all.partitions[0].origins.at(0).from, Offset(100));
  EXPECT_THAT(records_.scanned, IsEmpty()) << "nothing has to be read where the numbers agree";
}

TEST_F(VerifierTest, WhatIsAheadOfTheCommitIsNeitherMissingNorTwice) {
  Account(OriginOf(), 0, 6'000);  // Two runs, in two shards.
  SetKafka(0, 1'000, 9'000);
  EXPECT_THAT(Faults(Verify()), IsEmpty());
  Add(1, OriginOf(), -1);
  EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("1 of the records from offset 0 to 5999")));
}

// A commit that runs ahead of a shard which has not even heard of the partition.
TEST_F(VerifierTest, RecordsThatNoShardHasAreMissing) {
  Account(OriginOf(), 0, 4'096);
  SetKafka(0, 4'106, 4'106);
  EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("10 of the records from offset 0 to 4105")));
}

TEST_F(VerifierTest, OffsetsWithoutARecordAreNotMissing) {
  for (std::int64_t offset = 50; offset < 4'500; offset += 9) records_.absent.insert({0, offset});
  Account(OriginOf(), 0, 4'600);
  SetKafka(0, 4'600, 4'600);
  const Verification all = Verify();
  EXPECT_THAT(Faults(all), IsEmpty());
  EXPECT_EQ(all.partitions[0].origins.at(0).without_record,
            static_cast<std::int64_t>(records_.absent.size()));
  EXPECT_EQ(all.partitions[0].not_done, 0);
  Add(0, OriginOf(), -2);
  EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("2 of the records from offset 0 to 4599")));
}

TEST_F(VerifierTest, MoreRecordsThanOffsetsAreCountedTwice) {
  Account(OriginOf(), 0, 500);
  SetKafka(0, 500, 500);
  Add(2, OriginOf(), 3);
  EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("3 are counted twice")));
}

// Retention goes on while the pipeline runs: what was counted before does not need Kafka.
TEST_F(VerifierTest, RecordsThatKafkaHasDeletedSinceAreNotMissing) {
  Account(OriginOf(), 0, 500);
  SetKafka(300, 500, 500);
  EXPECT_THAT(Faults(Verify()), IsEmpty());
  Add(0, OriginOf(), -7);
  EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("7 of the offsets below 300 are missing")));
  // In a topic with gaps they may have been gaps, too.
  records_.absent.insert({0, 400});
  EXPECT_THAT(Faults(Verify()), IsEmpty());
}

TEST_F(VerifierTest, RecordsThatWereDeletedUnreadAreMissing) {
  Account(OriginOf(), 0, 500);
  SetKafka(700, 500, 900);
  EXPECT_THAT(Faults(Verify()),
              ElementsAre(HasSubstr("Kafka has deleted the records from 500 to 699")));
}

TEST_F(VerifierTest, ACommitBehindTheEndIsAFault) {
  Account(OriginOf(), 0, 500);
  SetKafka(0, 500, 20);
  EXPECT_THAT(Faults(Verify()), Contains(HasSubstr("commit 500 lies behind Kafka's end 20")));
}

// The next incarnation reads again what the last one had: each is an account of its own.
TEST_F(VerifierTest, IncarnationsAreAddedUpEachForItself) {
  metadata_ = "p1 1 2";
  Account(OriginOf(1, 1), 0, 500);
  Account(OriginOf(1, 2), 100, 450);
  SetKafka(0, 450, 500);
  const Verification all = Verify();
  EXPECT_THAT(Faults(all), IsEmpty());
  EXPECT_EQ(all.partitions[0].origins.size(), 2U);
  EXPECT_EQ(all.partitions[0].not_done, 50);
  Add(0, OriginOf(1, 1), 1);
  EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("1 is counted twice")));
}

TEST_F(VerifierTest, ACommitOfAnIncarnationThatHasDoneNothingSaysNothingOfTheLast) {
  metadata_ = "p1 1 2";
  Account(OriginOf(1, 1), 0, 500);
  SetKafka(0, 800, 900);
  const Verification all = Verify();
  EXPECT_THAT(Faults(all), IsEmpty());
  EXPECT_EQ(all.partitions[0].not_done, 100);
}

// As `penstock rewind` leaves it.
TEST_F(VerifierTest, ACommitSetByHandIsOfNoOriginUntilAnIngestorTakesItUp) {
  metadata_ = "";
  Account(OriginOf(), 0, 500);
  SetKafka(0, 40, 500);
  EXPECT_THAT(Faults(Verify()), IsEmpty());
  SetKafka(0, 900, 900);
  EXPECT_THAT(Faults(Verify()), IsEmpty());
}

TEST_F(VerifierTest, AMadeAnewTopicSaysNothingOfItsRecordsBefore) {
  metadata_ = "p1 2 1";
  Account(OriginOf(1, 1), 0, 500);
  Add(0, OriginOf(1, 1), -9);
  Account(OriginOf(2, 1), 0, 100);
  SetKafka(0, 100, 100);
  EXPECT_THAT(Faults(Verify()), IsEmpty());
  EXPECT_THAT(records_.scanned, IsEmpty());
  Add(0, OriginOf(2, 1), -1);
  EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("1 of the records from offset 0 to 99")));
}

TEST_F(VerifierTest, AReplayedLetterIsApart) {
  Account(OriginOf(), 0, 10);
  SetKafka(0, 10, 10);
  Origin replay = OriginOf();
  replay.source_id = "events#replay/1/7";
  Add(0, replay, 1);
  const Verification all = Verify();
  EXPECT_THAT(Faults(all), IsEmpty());
  EXPECT_EQ(all.partitions[0].replayed[Outcome::kRow], 1U);
  EXPECT_EQ(all.ledger.rows(), 11U);
}

// Whatever a topic has, and however far the shards are: the right account has no fault, and one
// record less in it is seen.
TEST_F(VerifierTest, OneRecordLessIsSeen) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    shards_.clear();
    records_.absent.clear();
    const auto first = static_cast<std::int64_t>(random() % 3'000);
    const auto end = first + static_cast<std::int64_t>(random() % 20'000) + 1;
    for (std::uint64_t gaps = random() % 300; gaps > 0; --gaps) {
      records_.absent.insert({0, first + static_cast<std::int64_t>(random()) % (end - first)});
    }
    Account(OriginOf(), first, end);
    const std::int64_t committed =
        first + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(end - first + 1));
    SetKafka(0, committed, end + 10);
    EXPECT_THAT(Faults(Verify()), IsEmpty());
    ShardRecord& record = shards_.begin()->second;
    if (record.progress.begin()->second.account[Outcome::kRow] == 0) continue;
    --record.progress.begin()->second.account[Outcome::kRow];
    EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("missing")));
  }
}

TEST_F(VerifierTest, AJoinsStepsAreContinuous) {
  const Origin steps = JoinOrigin(ShardId(1));
  OriginProgress& progress = shards_[1].progress[steps];
  progress = {.confirmed = Offset(9), .account = {}, .first = Offset(0)};
  Add(1, steps, 10);
  EXPECT_THAT(Faults(Verify()), IsEmpty());
  Add(1, steps, -1);
  EXPECT_THAT(Faults(Verify()), ElementsAre(HasSubstr("of 10 joined rows 1 is missing")));
}

}  // namespace
}  // namespace penstock::ctl
