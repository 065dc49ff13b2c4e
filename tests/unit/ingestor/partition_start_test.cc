#include "ingestor/partition_start.h"

#include <gtest/gtest.h>

#include "protocol/origin_record_codec.h"

namespace penstock::ingestor {
namespace {

using Check = StartEvidence::Check;

constexpr CommitMark kMark{2, 3, RecordMark{Offset(49), 77}};

/// Offset 50 is committed by us, and everything is as it was left.
StartEvidence AsLeft() {
  return {.committed = io::CommittedOffset{Offset(50), protocol::CommitMetadata(kMark)},
          .known = OriginRecord{Offset(50), kMark, Offset(80), {}},
          .marks = {.low = Offset(10), .high = Offset(100)},
          .check = Check::kSame};
}

void ExpectSameOrigin(const StartDecision& decision) {
  EXPECT_EQ(decision.mark.generation, 2U);
  EXPECT_EQ(decision.mark.incarnation, 3U);
  EXPECT_EQ(decision.anew, "");
}

TEST(PartitionStartTest, GoesOnWhereItWasLeft) {
  const StartDecision decision = Decide(AsLeft());
  ExpectSameOrigin(decision);
  EXPECT_EQ(decision.start, Offset(50));
  EXPECT_EQ(decision.mark, kMark);
  EXPECT_FALSE(decision.commit);
  EXPECT_TRUE(decision.may_resume);
}

TEST(PartitionStartTest, WithoutEvidenceItGoesOn) {
  StartEvidence evidence = AsLeft();
  evidence.check = Check::kNone;  // Compacted away, or deleted.
  ExpectSameOrigin(Decide(evidence));
  evidence.known.reset();  // The bucket was lost.
  const StartDecision decision = Decide(evidence);
  ExpectSameOrigin(decision);
  EXPECT_EQ(decision.start, Offset(50));
  EXPECT_FALSE(decision.may_resume);
}

TEST(PartitionStartTest, MetadataThatWasLostIsReplacedByOurRecord) {
  StartEvidence evidence = AsLeft();
  evidence.committed->metadata.clear();
  const StartDecision decision = Decide(evidence);
  ExpectSameOrigin(decision);
  EXPECT_EQ(decision.mark, kMark);
  EXPECT_TRUE(decision.commit) << "so that it says so again";
}

TEST(PartitionStartTest, AnotherOffsetWithoutMetadataIsTheNextIncarnation) {
  StartEvidence evidence = AsLeft();
  evidence.committed = io::CommittedOffset{Offset(20), ""};
  const StartDecision decision = Decide(evidence);
  EXPECT_EQ(decision.mark, (CommitMark{2, 4, {}}));
  EXPECT_EQ(decision.start, Offset(20));
  EXPECT_TRUE(decision.commit);
  EXPECT_NE(decision.anew.find("reset by hand"), std::string::npos);
  EXPECT_FALSE(decision.may_resume);
}

// Whoever sets the offsets before the first start, or comes from an earlier version.
TEST(PartitionStartTest, AnOffsetThatNobodyKnowsOfIsTheFirstIncarnation) {
  StartEvidence evidence = AsLeft();
  evidence.committed->metadata.clear();
  evidence.known.reset();
  const StartDecision decision = Decide(evidence);
  EXPECT_EQ(decision.mark, (CommitMark{1, 1, {}}));
  EXPECT_EQ(decision.start, Offset(50));
  EXPECT_EQ(decision.anew, "");
}

TEST(PartitionStartTest, AnotherRecordAtItsPlaceIsTheNextGeneration) {
  StartEvidence evidence = AsLeft();
  evidence.check = Check::kOther;
  const StartDecision decision = Decide(evidence);
  EXPECT_EQ(decision.mark, (CommitMark{3, 3, {}}));
  EXPECT_EQ(decision.start, Offset(10));
  EXPECT_TRUE(decision.commit);
  EXPECT_NE(decision.anew.find("made anew"), std::string::npos);
  EXPECT_FALSE(decision.may_resume);
}

TEST(PartitionStartTest, AnOffsetAboveTheEndIsTheNextGeneration) {
  StartEvidence evidence = AsLeft();
  evidence.check = Check::kNone;
  evidence.marks = {.low = Offset(0), .high = Offset(49)};
  EXPECT_EQ(Decide(evidence).mark.generation, 3U);
  EXPECT_EQ(Decide(evidence).start, Offset(0));
  evidence.marks.high = Offset(50);
  EXPECT_EQ(Decide(evidence).mark.generation, 2U) << "at the end";
}

TEST(PartitionStartTest, DeletedRecordsAreCountedAndItIsTheSameOrigin) {
  StartEvidence evidence = AsLeft();
  evidence.check = Check::kNone;
  evidence.marks = {.low = Offset(60), .high = Offset(100)};
  const StartDecision decision = Decide(evidence);
  ExpectSameOrigin(decision);
  EXPECT_EQ(decision.start, Offset(60));
  EXPECT_EQ(decision.expired, 10);
  EXPECT_TRUE(decision.commit);
  EXPECT_TRUE(decision.may_resume) << "80 was published";
}

TEST(PartitionStartTest, NoCommitIsTheNextIncarnationWhereThereWasOne) {
  StartEvidence evidence = AsLeft();
  evidence.committed.reset();
  const StartDecision again = Decide(evidence);
  EXPECT_EQ(again.mark, (CommitMark{2, 4, {}}));
  EXPECT_FALSE(again.start) << "as the document says";
  EXPECT_TRUE(again.commit);
  evidence.known.reset();
  EXPECT_EQ(Decide(evidence).mark, (CommitMark{1, 1, {}}));
  EXPECT_EQ(Decide(evidence).anew, "");
}

TEST(PartitionStartTest, WhatWasPublishedCountsOnlyAsTheSameOrigin) {
  StartEvidence evidence = AsLeft();
  evidence.known->mark.incarnation = 2;
  EXPECT_FALSE(Decide(evidence).may_resume);
  evidence = AsLeft();
  evidence.known->published = Offset(50);
  EXPECT_FALSE(Decide(evidence).may_resume) << "nothing is gained";
  evidence.known->published = Offset(101);
  EXPECT_FALSE(Decide(evidence).may_resume) << "the topic is shorter";
}

}  // namespace
}  // namespace penstock::ingestor
