#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "io/record_source.h"
#include "support/record_source_world.h"

namespace penstock::testing {

/// What io::RecordSource promises, as tests that every implementation passes. An implementation
/// brings a world, a topic of kPartitions partitions and a group of its own for each test, and says
///
///   INSTANTIATE_TEST_SUITE_P(Real, RecordSourceConformance, Values(&MakeRealWorld));
class RecordSourceConformance
    : public ::testing::TestWithParam<std::function<std::unique_ptr<RecordSourceWorld>()>> {
 protected:
  static constexpr std::int32_t kPartitions = RecordSourceWorld::kPartitions;

  void SetUp() override { world_ = GetParam()(); }

  /// Steps all members in turn until it is so.
  static bool StepUntil(const std::vector<TestMember*>& members,
                        const std::function<bool()>& is_so) {
    const Clock::Time deadline = TestMember::Deadline(std::chrono::seconds(40));
    while (!is_so()) {
      if (SystemClock().Now() > deadline || HasFatalFailure()) return false;
      for (TestMember* member : members) member->Step();
    }
    return true;
  }
  void StepQuietly(const std::vector<TestMember*>& members) {
    const Clock::Time end = TestMember::Deadline(world_->Quiet());
    do {
      for (TestMember* member : members) member->Step();
    } while (SystemClock().Now() < end);
  }

  static std::vector<FakeRecord> Numbered(std::int64_t from, std::int64_t count) {
    std::vector<FakeRecord> records;
    for (std::int64_t i = from; i < from + count; ++i) {
      records.push_back({.key = "k" + std::to_string(i), .value = "v" + std::to_string(i)});
    }
    return records;
  }
  void AppendEverywhere(std::int64_t from, std::int64_t count) {
    for (std::int32_t p = 0; p < kPartitions; ++p) world_->Append(p, Numbered(from, count));
  }
  static std::vector<std::int64_t> OffsetsOf(const std::vector<DeliveredRecord>& records) {
    std::vector<std::int64_t> offsets;
    for (const DeliveredRecord& record : records) offsets.push_back(record.offset);
    return offsets;
  }
  static std::vector<std::int64_t> Range(std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> offsets;
    for (std::int64_t offset = from; offset < to; ++offset) offsets.push_back(offset);
    return offsets;
  }
  static bool HasAll(const TestMember& member) {
    return member.assigned.size() == static_cast<std::size_t>(kPartitions);
  }
  static std::int64_t Count(const TestMember& member) {
    std::int64_t count = 0;
    for (const auto& [partition, records] : member.records) {
      count += static_cast<std::int64_t>(records.size());
    }
    return count;
  }
  static bool HasTrouble(const TestMember& member, std::string_view code) {
    return std::any_of(member.troubles.begin(), member.troubles.end(),
                       [code](const Error& error) { return error.code == code; });
  }

  std::unique_ptr<RecordSourceWorld> world_;
};

TEST_P(RecordSourceConformance, ReadsNothingBeforeItIsTold) {
  AppendEverywhere(0, 10);
  TestMember member(*world_);
  member.start_when_assigned = false;
  ASSERT_TRUE(StepUntil({&member}, [&] { return HasAll(member); }));
  StepQuietly({&member});
  EXPECT_EQ(Count(member), 0);
  const io::OffsetToCommit start{.partition = 1, .next = Offset(4), .metadata = {}};
  member.reading.insert(1);
  ASSERT_TRUE(member.source->StartReading(std::span(&start, 1)).ok());
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.ends.contains(1); }));
  EXPECT_EQ(OffsetsOf(member.records[1]), Range(4, 10));
  EXPECT_EQ(Count(member), 6) << "another partition was read, too";
}

TEST_P(RecordSourceConformance, BringsRecordsAsTheyWereWritten) {
  world_->Append(
      2, {{.key = "a", .value = "1", .timestamp_ms = 1'700'000'000'000},
          {.key = "", .value = "", .timestamp_ms = 1'700'000'000'001},
          {.key = "b", .value = "", .timestamp_ms = 1'700'000'000'002, .has_value = false}});
  TestMember member(*world_);
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.ends.contains(2); }));
  const auto& records = member.records[2];
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].key, "a");
  EXPECT_EQ(records[0].value, "1");
  EXPECT_EQ(records[0].timestamp_ms, 1'700'000'000'000);
  EXPECT_TRUE(records[0].has_value);
  EXPECT_TRUE(records[1].has_value) << "an empty value is not a tombstone";
  EXPECT_FALSE(records[2].has_value) << "a tombstone";
  EXPECT_EQ(records[2].key, "b");
  EXPECT_EQ(member.ends[2], 3);
}

TEST_P(RecordSourceConformance, GoesOnWhereTheGroupCommitted) {
  AppendEverywhere(0, 20);
  const std::string metadata = "\x01 any \u00fc text";
  {
    TestMember member(*world_);
    ASSERT_TRUE(StepUntil({&member}, [&] { return Count(member) == 80; }));
    const io::OffsetToCommit offset{.partition = 3, .next = Offset(7), .metadata = metadata};
    const Status committed = member.source->Commit(std::span(&offset, 1),
                                                   TestMember::Deadline(std::chrono::seconds(10)));
    ASSERT_TRUE(committed.ok()) << committed.error().detail;
    member.source->Close();
  }
  ASSERT_TRUE(world_->Committed(3).has_value());
  EXPECT_EQ(world_->Committed(3)->next, Offset(7));
  EXPECT_FALSE(world_->Committed(0).has_value());

  TestMember member(*world_);
  ASSERT_TRUE(StepUntil({&member}, [&] { return Count(member) == 73; }));
  EXPECT_EQ(OffsetsOf(member.records[3]), Range(7, 20));
  const std::vector<std::int32_t> both = {3, 0};
  const auto committed =
      member.source->Committed(both, TestMember::Deadline(std::chrono::seconds(10)));
  ASSERT_TRUE(committed.ok()) << committed.error().detail;
  EXPECT_EQ(committed.value()[0]->metadata, metadata);
  EXPECT_FALSE(committed.value()[1].has_value());
}

TEST_P(RecordSourceConformance, PausesLeaveNothingOutAndRepeatNothing) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  TestMember member(*world_);
  ASSERT_TRUE(StepUntil({&member}, [&] { return HasAll(member); }));
  std::int64_t written = 0;
  std::set<std::int32_t> paused;
  for (int round = 0; round < 60; ++round) {
    if (random() % 2 == 0) {
      const auto count = static_cast<std::int64_t>(1 + random() % 300);
      AppendEverywhere(written, count);
      written += count;
    }
    const auto partition = static_cast<std::int32_t>(random() % kPartitions);
    if (paused.contains(partition)) {
      ASSERT_TRUE(member.source->Resume(std::span(&partition, 1)).ok());
      paused.erase(partition);
    } else {
      ASSERT_TRUE(member.source->Pause(std::span(&partition, 1)).ok());
      paused.insert(partition);
    }
    std::map<std::int32_t, std::size_t> before;
    for (const std::int32_t p : paused) before[p] = member.records[p].size();
    for (std::uint64_t polls = random() % 3; polls > 0; --polls) member.Step();
    for (const std::int32_t p : paused) {
      ASSERT_EQ(member.records[p].size(), before[p]) << "records of a paused partition";
    }
  }
  const std::vector<std::int32_t> all = {0, 1, 2, 3};
  ASSERT_TRUE(member.source->Resume(all).ok());
  EXPECT_TRUE(StepUntil({&member}, [&] { return Count(member) >= written * kPartitions; }));
  StepQuietly({&member});
  for (const std::int32_t p : all) EXPECT_EQ(OffsetsOf(member.records[p]), Range(0, written));
}

TEST_P(RecordSourceConformance, TheEndIsToldAgainAfterAPause) {
  TestMember member(*world_);
  ASSERT_TRUE(StepUntil({&member}, [&] { return HasAll(member); }));
  AppendEverywhere(0, 10);
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.ends[0] == 10; }));
  const std::int32_t zero = 0;
  ASSERT_TRUE(member.source->Pause(std::span(&zero, 1)).ok());
  StepQuietly({&member});
  member.ends.clear();
  ASSERT_TRUE(member.source->Resume(std::span(&zero, 1)).ok());
  EXPECT_TRUE(StepUntil({&member}, [&] { return member.ends.contains(0); }));
}

TEST_P(RecordSourceConformance, AMemberThatJoinsAndLeavesMovesPartitionsWithoutLossOrRepeat) {
  TestMember first(*world_);
  ASSERT_TRUE(StepUntil({&first}, [&] { return HasAll(first); }));
  std::int64_t written = 0;
  const auto append = [&] {
    AppendEverywhere(written, 50);
    written += 50;
  };
  append();
  ASSERT_TRUE(StepUntil({&first}, [&] { return Count(first) > 0; }));
  std::optional<TestMember> second(std::in_place, *world_);
  ASSERT_TRUE(StepUntil({&first, &*second}, [&] {
    append();
    return first.reading.size() == 2 && second->reading.size() == 2;
  }));
  append();
  ASSERT_TRUE(StepUntil({&first, &*second},
                        [&] { return Count(first) + Count(*second) >= written * kPartitions; }));
  ASSERT_TRUE(second->CommitAll().ok());
  second->source->Close();
  ASSERT_TRUE(StepUntil({&first}, [&] {
    append();
    return HasAll(first);
  }));
  ASSERT_TRUE(
      StepUntil({&first}, [&] { return Count(first) + Count(*second) >= written * kPartitions; }));
  StepQuietly({&first});
  for (std::int32_t p = 0; p < kPartitions; ++p) {
    std::vector<std::int64_t> offsets = OffsetsOf(first.records[p]);
    const std::vector<std::int64_t> others = OffsetsOf(second->records[p]);
    EXPECT_TRUE(std::is_sorted(offsets.begin(), offsets.end()));
    offsets.insert(offsets.end(), others.begin(), others.end());
    std::sort(offsets.begin(), offsets.end());
    EXPECT_EQ(offsets, Range(0, written)) << "partition " << p;
  }
}

TEST_P(RecordSourceConformance, ARevokedPartitionWaitsUntilItIsGivenUp) {
  AppendEverywhere(0, 10);
  TestMember first(*world_);
  ASSERT_TRUE(StepUntil({&first}, [&] { return Count(first) == 40; }));
  first.give_up_when_revoked = false;
  TestMember second(*world_);
  ASSERT_TRUE(StepUntil({&first, &second}, [&] { return first.to_give_up.size() == 2; }));
  AppendEverywhere(10, 10);
  StepQuietly({&first, &second});
  EXPECT_TRUE(second.assigned.empty()) << "assigned before the other has given up";
  const std::vector<std::int32_t> revoked(first.to_give_up.begin(), first.to_give_up.end());
  for (const std::int32_t p : revoked) {
    EXPECT_EQ(first.records[p].size(), 10U) << "read after it was revoked";
  }
  // What had to be finished is finished: a commit still counts.
  const io::OffsetToCommit last{.partition = revoked[0], .next = Offset(10), .metadata = "m"};
  const Status committed =
      first.source->Commit(std::span(&last, 1), TestMember::Deadline(std::chrono::seconds(10)));
  ASSERT_TRUE(committed.ok()) << committed.error().detail;
  first.to_give_up.clear();
  first.give_up_when_revoked = true;
  ASSERT_TRUE(first.source->GiveUp(revoked).ok());
  ASSERT_TRUE(StepUntil({&first, &second}, [&] { return second.reading.size() == 2; }));
  EXPECT_EQ(second.assigned, std::set<std::int32_t>(revoked.begin(), revoked.end()));
  ASSERT_TRUE(StepUntil({&first, &second}, [&] {
    return second.ends[revoked[0]] == 20 && second.ends[revoked[1]] == 20;
  }));
  EXPECT_EQ(OffsetsOf(second.records[revoked[0]]), Range(10, 20));
  EXPECT_EQ(OffsetsOf(second.records[revoked[1]]), Range(0, 20));
}

TEST_P(RecordSourceConformance, APartitionThatWasNeverStartedCanBeGivenUp) {
  AppendEverywhere(0, 10);
  TestMember first(*world_);
  first.start_when_assigned = false;
  ASSERT_TRUE(StepUntil({&first}, [&] { return HasAll(first); }));
  TestMember second(*world_);
  ASSERT_TRUE(StepUntil({&first, &second}, [&] { return second.reading.size() == 2; }));
  ASSERT_TRUE(StepUntil({&first, &second}, [&] { return Count(second) == 20; }));
  EXPECT_EQ(Count(first), 0);
}

TEST_P(RecordSourceConformance, RefusesWhatIsNotOurs) {
  TestMember first(*world_);
  ASSERT_TRUE(StepUntil({&first}, [&] { return HasAll(first); }));
  TestMember second(*world_);
  ASSERT_TRUE(StepUntil({&first, &second}, [&] { return second.reading.size() == 2; }));
  const io::OffsetToCommit foreign{
      .partition = *first.reading.begin(), .next = Offset(0), .metadata = {}};
  const Status committed =
      second.source->Commit(std::span(&foreign, 1), TestMember::Deadline(std::chrono::seconds(10)));
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code, "refused_commit");
  EXPECT_EQ(committed.error().remedy, Remedy::kRetry);
  const Status started = second.source->StartReading(std::span(&foreign, 1));
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, "not_assigned");
}

TEST_P(RecordSourceConformance, ReadsAgainFromWhereItIsTold) {
  AppendEverywhere(0, 30);
  TestMember member(*world_);
  ASSERT_TRUE(StepUntil({&member}, [&] { return Count(member) == 120; }));
  member.records.clear();
  member.ends.clear();
  const io::OffsetToCommit back{.partition = 0, .next = Offset(12), .metadata = {}};
  ASSERT_TRUE(member.source->StartReading(std::span(&back, 1)).ok());
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.ends.contains(0); }));
  EXPECT_EQ(OffsetsOf(member.records[0]), Range(12, 30));
  EXPECT_EQ(Count(member), 18);
}

TEST_P(RecordSourceConformance, TheEndCountsOffsetsWithoutRecords) {
  world_->Append(0, Numbered(0, 5));
  world_->AppendGap(0);
  TestMember member(*world_);
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.ends.contains(0); }));
  EXPECT_EQ(member.ends[0], world_->Marks(0).high.rep());
  EXPECT_GT(member.ends[0], 5);
  EXPECT_EQ(member.source->KnownEnd(0), world_->Marks(0).high);
  // A pause loses no end either.
  const std::int32_t zero = 0;
  ASSERT_TRUE(member.source->Pause(std::span(&zero, 1)).ok());
  world_->AppendGap(0);
  StepQuietly({&member});
  ASSERT_TRUE(member.source->Resume(std::span(&zero, 1)).ok());
  const std::int64_t end = world_->Marks(0).high.rep();
  EXPECT_TRUE(StepUntil({&member}, [&] { return member.ends[0] == end; }));
}

TEST_P(RecordSourceConformance, GoesOnBehindDeletedRecordsAndSaysSo) {
  world_->Append(1, Numbered(0, 20));
  world_->DeleteBefore(1, Offset(15));
  TestMember member(*world_);
  ASSERT_TRUE(StepUntil({&member}, [&] { return member.ends.contains(1); }));
  EXPECT_EQ(OffsetsOf(member.records[1]), Range(15, 20));
  EXPECT_TRUE(HasTrouble(member, "records_deleted"));
}

TEST_P(RecordSourceConformance, SaysWhenItReadsBehindTheEnd) {
  world_->Append(1, Numbered(0, 5));
  TestMember member(*world_);
  member.start_when_assigned = false;
  ASSERT_TRUE(StepUntil({&member}, [&] { return HasAll(member); }));
  const io::OffsetToCommit behind{.partition = 1, .next = Offset(9), .metadata = {}};
  ASSERT_TRUE(member.source->StartReading(std::span(&behind, 1)).ok());
  ASSERT_TRUE(StepUntil({&member}, [&] { return HasTrouble(member, "offset_out_of_range"); }));
  // Told to start where records are, it does.
  member.reading.insert(1);
  const io::OffsetToCommit start{.partition = 1, .next = Offset(3), .metadata = {}};
  ASSERT_TRUE(member.source->StartReading(std::span(&start, 1)).ok());
  ASSERT_TRUE(StepUntil({&member}, [&] { return Count(member) == 2; }));
}

TEST_P(RecordSourceConformance, AnswersQuestions) {
  world_->Append(0, {{.value = "a", .timestamp_ms = 1'700'000'000'000},
                     {.value = "b", .timestamp_ms = 1'700'000'001'000},
                     {.value = "c", .timestamp_ms = 1'700'000'002'000}});
  TestMember member(*world_);
  ASSERT_TRUE(StepUntil({&member}, [&] { return HasAll(member); }));
  const Clock::Time deadline = TestMember::Deadline(std::chrono::seconds(20));
  io::RecordSource& source = *member.source;
  EXPECT_EQ(source.PartitionCount(deadline).value(), kPartitions);
  EXPECT_EQ(source.QueryWatermarks(0, deadline).value().low, Offset(0));
  EXPECT_EQ(source.QueryWatermarks(0, deadline).value().high, Offset(3));
  EXPECT_EQ(source.OffsetAtTime(0, 0, deadline).value(), Offset(0));
  EXPECT_EQ(source.OffsetAtTime(0, 1'700'000'000'001, deadline).value(), Offset(1));
  EXPECT_EQ(source.OffsetAtTime(0, 1'700'000'002'000, deadline).value(), Offset(2));
  EXPECT_EQ(source.OffsetAtTime(0, 1'700'000'002'001, deadline).value(), Offset(3))
      << "past the last: the end";
  EXPECT_EQ(source.OffsetAtTime(1, 0, deadline).value(), Offset(0)) << "empty: its end";
}

}  // namespace penstock::testing
