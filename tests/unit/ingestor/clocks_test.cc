#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/wait.h"
#include "ingestor/shard_output.h"
#include "protocol/batch_codec.h"
#include "protocol/names.h"
#include "support/fake_key_value.h"
#include "support/fake_streams.h"
#include "unit/ingestor/manual_clock.h"

namespace penstock::ingestor {
namespace {

using std::chrono::milliseconds;
using testing::FakeKeyValue;
using testing::FakeStreams;

constexpr std::uint64_t kStreamBytes = 100'000;
const std::string kStream = protocol::StreamName("orders", Hop::kLeft, ShardId(0));
const std::string kSubject = protocol::Subject("orders", Hop::kLeft, ShardId(0));

/// One output in front of a join, whose worker is the test.
class ClocksTest : public ::testing::Test {
 protected:
  ClocksTest() {
    EXPECT_TRUE(
        streams_.Ensure({.name = kStream, .subjects = {kSubject}, .max_bytes = kStreamBytes}).ok());
    ShardOutput::Options options;
    options.pipeline_id = "orders";
    options.shards = 1;
    options.subject = kSubject;
    options.columns.push_back({.name = "id",
                               .declared_type = "string",
                               .physical = PhysicalType::kString,
                               .default_json = {}});
    options.target_bytes = 1 << 20;
    options.max_delay = milliseconds(50);
    options.clocks = true;
    output_.emplace(
        options, ShardOutput::Parts{streams_, tracker_, sinks_, clock_, metrics_, &room_},
        [this](ShardId, Result<io::PublishAck> answer) { answers_.push_back(std::move(answer)); },
        [this](CommitTracker::Stay stay) -> const PartitionStay* {
          const auto found = partitions_.find(stay.partition);
          return found == partitions_.end() ? nullptr : &found->second;
        });
  }

  PartitionStay& Add(std::int32_t number) {
    PartitionStay& partition = partitions_[number] = {};
    partition.origin = {"s", "t", number, 1, 1};
    partition.stay = tracker_.Start(
        {.origin = partition.origin, .committed = {Offset(0)}, .read_from = Offset(0)});
    partition.start = Offset(0);
    partition.shards.assign(1, {});
    return partition;
  }
  void Append(PartitionStay& partition, std::int64_t offset, std::int64_t timestamp_ms,
              const std::string& text = "x") {
    const Cell cell = Cell::String(text);
    output_->AppendRow(partition, Offset(offset), timestamp_ms, std::span(&cell, 1), text.size());
    tracker_.Advance(partition.stay, {Offset(offset + 1)});
  }
  void Look() {
    room_.Seen(ShardId(0), room_.published(ShardId(0)), streams_.State(kStream).value());
  }
  bool Tell() {
    std::vector<PartitionStay*> all;
    for (auto& [number, partition] : partitions_) all.push_back(&partition);
    return output_->TellClocks(all);
  }
  void Answer() {
    while (!answers_.empty()) {
      const auto answers = std::exchange(answers_, {});
      for (const auto& answer : answers) ASSERT_TRUE(output_->Answer(answer).ok());
    }
  }
  void Send() {
    output_->SendIfDue(true);
    Answer();
  }
  std::vector<std::vector<Section>> Batches() {
    std::vector<std::vector<Section>> batches;
    for (const io::StreamMessage& message : streams_.Messages(kStream)) {
      if (message.data == filler_) continue;
      batches.push_back(protocol::ReadEnvelope(message.data).value().sections);
    }
    return batches;
  }
  /// Of what others have put there.
  void Fill(std::size_t bytes) {
    filler_ = std::string(bytes, 'x');
    ASSERT_TRUE(
        streams_
            .PublishAndWait(
                {.subject = kSubject, .data = filler_, .expected_last = {}, .message_id = {}}, {})
            .ok());
    Look();
  }

  ManualClock clock_;
  FakeStreams streams_;
  FakeKeyValue bucket_;
  CommitTracker tracker_{1};
  SinkView sinks_{bucket_, 1, "s", tracker_, clock_};
  Metrics registry_;
  IngestorMetrics metrics_{registry_, "s", "t"};
  StreamRoom room_{1};
  std::map<std::int32_t, PartitionStay> partitions_;
  std::vector<Result<io::PublishAck>> answers_;
  std::string filler_;
  std::optional<ShardOutput> output_;
};

TEST_F(ClocksTest, RowsGiveTheClockAsItIsWhenTheBatchGoes) {
  PartitionStay& partition = Add(0);
  Append(partition, 0, 5000);
  Append(partition, 1, 4000);
  partition.clock.Took(6000);  // A record of another shard.
  Send();
  ASSERT_EQ(Batches().size(), 1U);
  EXPECT_EQ(Batches()[0][0].clock_ms, 6000);
}

// Records of the partition follow in the same batch: what was said first must not speak of them.
TEST_F(ClocksTest, ASectionsClockIsNotThatOfRecordsBehindIt) {
  PartitionStay& first = Add(0);
  PartitionStay& second = Add(1);
  Append(first, 0, 1000);
  Append(second, 0, 7000);
  Append(first, 1, 3000);
  Send();
  const std::vector<Section> sections = Batches().at(0);
  ASSERT_EQ(sections.size(), 3U);
  EXPECT_EQ(sections[0].clock_ms, 1000);
  EXPECT_EQ(sections[1].clock_ms, 7000);
  EXPECT_EQ(sections[2].clock_ms, 3000);
}

TEST_F(ClocksTest, PartitionsWithoutRecordsAreToldOf) {
  PartitionStay& idle = Add(0);
  PartitionStay& unread = Add(1);
  Append(idle, 4, 1000);
  Send();
  idle.clock.ReachedEnd(clock_);
  clock_.Advance(milliseconds(1500));
  ASSERT_TRUE(Tell());
  Answer();
  ASSERT_EQ(Batches().size(), 2U);
  const std::vector<Section> sections = Batches()[1];
  ASSERT_EQ(sections.size(), 2U);
  EXPECT_EQ(sections[0].after, Offset(4));
  EXPECT_EQ(sections[0].last, Offset(4));
  EXPECT_TRUE(sections[0].runs.empty());
  EXPECT_EQ(sections[0].clock_ms, 2500);
  EXPECT_EQ(sections[1].origin, unread.origin);
  EXPECT_EQ(sections[1].last, Offset(-1));
  EXPECT_EQ(sections[1].clock_ms, std::nullopt);
  EXPECT_TRUE(output_->idle());
}

TEST_F(ClocksTest, ASectionWithoutRecordsIsNothingToCommit) {
  PartitionStay& partition = Add(0);
  Append(partition, 0, 1000);
  ASSERT_TRUE(Tell());
  Answer();
  clock_.Advance(milliseconds(1000));
  ASSERT_TRUE(Tell());
  Answer();
  EXPECT_EQ(tracker_.Committable(0)->next, Offset(0));
  tracker_.Confirm({"s", "t", 0, 1, 1}, ShardId(0), Offset(0));
  EXPECT_EQ(tracker_.Committable(0)->next, Offset(1));
  // And it may grow: then it is.
  streams_.HoldAnswers();
  ASSERT_TRUE(Tell());
  ASSERT_TRUE(Tell());
  Append(partition, 1, 2000);
  streams_.ReleaseAnswers();
  Answer();
  EXPECT_EQ(tracker_.Committable(0)->next, Offset(1));
  Send();
  EXPECT_EQ(Batches().back().back().after, Offset(0));
  EXPECT_EQ(Batches().back().back().rows(), 1U);
  tracker_.Confirm({"s", "t", 0, 1, 1}, ShardId(0), Offset(1));
  EXPECT_EQ(tracker_.Committable(0)->next, Offset(2));
}

// What is left of a stay that has ended disturbs neither the next one nor the commit.
TEST_F(ClocksTest, AnEndedPartitionsClockGoesAsItWas) {
  PartitionStay& partition = Add(0);
  Append(partition, 0, 1000);
  Send();
  streams_.HoldAnswers();
  ASSERT_TRUE(Tell());  // On its way.
  clock_.Advance(milliseconds(1000));
  ASSERT_TRUE(Tell());  // In the open batch.
  tracker_.Remove(0);
  partitions_.clear();
  streams_.ReleaseAnswers();
  Answer();
  Send();
  ASSERT_EQ(Batches().size(), 3U);
  EXPECT_EQ(Batches()[2][0].clock_ms, 1000);
  EXPECT_FALSE(tracker_.Committable(0));
  tracker_.Start({.origin = {"s", "t", 0, 1, 1}, .committed = {Offset(0)}, .read_from = Offset(0)});
  EXPECT_EQ(tracker_.Committable(0)->next, Offset(0));
}

TEST_F(ClocksTest, InAFullStreamRowsWaitAndClocksGo) {
  PartitionStay& waiting = Add(0);
  PartitionStay& idle = Add(1);
  Append(waiting, 0, 1000);
  Send();
  Fill(90'000);
  Append(waiting, 1, 5000);
  idle.clock.ReachedEnd(clock_);
  clock_.Advance(milliseconds(1000));
  Send();
  ASSERT_EQ(Batches().size(), 1U) << "rows wait";
  EXPECT_GT(output_->Deadline(), clock_.Now()) << "without asking all the time";
  ASSERT_TRUE(Tell());
  Answer();
  ASSERT_EQ(Batches().size(), 2U) << "clocks go";
  const std::vector<Section> told = Batches()[1];
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].last, Offset(0));
  EXPECT_EQ(told[0].clock_ms, 1000) << "of what waits it must not speak";
  EXPECT_EQ(told[1].clock_ms, clock_.WallMs());
  EXPECT_EQ(tracker_.Committable(0)->next, Offset(0));

  ASSERT_TRUE(streams_.Trim(kStream, StreamSeq(3)).ok());
  Look();
  Send();
  ASSERT_EQ(Batches().back().size(), 1U);
  EXPECT_EQ(Batches().back()[0].after, Offset(0)) << "no gap";
  EXPECT_EQ(Batches().back()[0].clock_ms, 5000);
}

// Law: whatever is sent when, and whether there is room, what a section says of its partition's
// time is true of every record that comes after it in the stream; and records leave no gap.
TEST_F(ClocksTest, NoClockSpeaksOfRecordsThatComeAfterIt) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    const StreamSeq before = streams_.State(kStream).value().last;
    std::map<std::int32_t, std::int64_t> next;
    for (std::int32_t number = 0; number < 3; ++number) Add(number);
    std::int64_t timestamp_ms = 0;
    for (int step = 0; step < 300; ++step) {
      const auto number = static_cast<std::int32_t>(random() % 3);
      PartitionStay& partition = partitions_[number];
      switch (random() % 8) {
        case 0:
          partition.clock.Took(++timestamp_ms);  // A record of another shard.
          break;
        case 1:
          Tell();
          break;
        case 2:
          output_->SendIfDue(random() % 2 == 0);
          break;
        case 3:
          Answer();
          break;
        case 4:
          room_.Published(ShardId(0), 2 * kStreamBytes);
          break;
        case 5:
          Look();
          break;
        default:
          if (output_->CanTake(1)) Append(partition, next[number]++, ++timestamp_ms);
      }
      clock_.Advance(milliseconds(random() % 100));
    }
    Answer();
    Look();
    Send();

    std::map<std::int32_t, std::int64_t> clocks;
    std::map<std::int32_t, Offset> last;
    protocol::Rows rows;
    for (const io::StreamMessage& message : streams_.Messages(kStream)) {
      if (message.seq <= before) continue;
      const protocol::Envelope envelope = protocol::ReadEnvelope(message.data).value();
      ASSERT_TRUE(protocol::ReadRows(envelope, message.data, rows).ok());
      std::size_t row = 0;
      for (const Section& section : envelope.sections) {
        const std::int32_t number = section.origin.partition;
        ASSERT_EQ(section.after, last.try_emplace(number, -1).first->second);
        last[number] = section.last;
        for (std::size_t i = 0; i < section.rows(); ++i, ++row) {
          ASSERT_GT(rows.timestamps_ms[row], clocks[number]);
        }
        if (section.clock_ms) clocks[number] = std::max(clocks[number], *section.clock_ms);
      }
    }
    for (const auto& [number, end] : next) ASSERT_EQ(last[number], Offset(end - 1));
    ASSERT_TRUE(
        streams_.Trim(kStream, StreamSeq(streams_.State(kStream).value().last.rep() + 1)).ok());
  }
}

TEST_F(ClocksTest, ManyPartitionsAreAllToldInSeveralBatches) {
  for (std::int32_t number = 0; number < 700; ++number) Add(number);
  std::set<std::int32_t> told;
  for (int round = 0; round < 5; ++round) {
    std::vector<PartitionStay*> due;
    for (auto& [number, partition] : partitions_) {
      if (partition.shards[0].told == Clock::Time::min()) due.push_back(&partition);
    }
    output_->TellClocks(due);
    Answer();
  }
  Send();
  for (const auto& batch : Batches()) {
    EXPECT_LE(batch.size(), 256U);
    for (const Section& section : batch) told.insert(section.origin.partition);
  }
  EXPECT_EQ(told.size(), 700U);
}

}  // namespace
}  // namespace penstock::ingestor
