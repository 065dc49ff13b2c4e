#include "ingestor/worker.h"

#include <atomic>

#include <gtest/gtest.h>

#include "base/thread.h"
#include "base/wait.h"
#include "protocol/batch_codec.h"
#include "protocol/names.h"
#include "support/fake_key_value.h"
#include "support/fake_record_source.h"
#include "support/fake_streams.h"
#include "unit/ingestor/manual_clock.h"

namespace penstock::ingestor {
namespace {

using testing::FakeKafka;
using testing::FakeKeyValue;
using testing::FakeStreams;

constexpr std::uint32_t kShards = 2;

/// A worker over servers in memory; its clock stands still, so it acts when it is told something.
class WorkerTest : public ::testing::Test {
 protected:
  void Start(Hop hop, bool clocks) {
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      names_.push_back(protocol::StreamName("orders", hop, ShardId(shard)));
      ASSERT_TRUE(streams_
                      .Ensure({.name = names_.back(),
                               .subjects = {protocol::Subject("orders", hop, ShardId(shard))}})
                      .ok());
    }
    ASSERT_TRUE(streams_.Ensure({.name = "dlq", .subjects = {"penstock.orders.dlq.*"}}).ok());
    SourcePlan plan;
    plan.source_id = "s";
    plan.fields.push_back({.name = "id",
                           .declared_type = "string",
                           .physical = PhysicalType::kString,
                           .default_json = {}});
    Worker::Options options;
    options.name = "worker";
    options.shards = kShards;
    options.hop = hop;
    options.output.pipeline_id = "orders";
    options.output.shards = kShards;
    options.output.dead_letter_subject = protocol::DeadLetterSubject("orders", "ingestor");
    options.output.columns = plan.fields;
    options.output.target_bytes = 1 << 20;
    options.output.max_delay = std::chrono::milliseconds(50);
    options.output.clocks = clocks;
    auto reader = RecordReader::Make({.plan = plan, .shards = kShards});
    worker_.emplace(options, std::move(reader).value(),
                    ShardOutput::Parts{streams_, tracker_, sinks_, clock_, metrics_});
    worker_->Start();
  }
  void Add(std::int32_t partition) {
    const CommitTracker::Beginning beginning{
        .origin = {"s", "t", partition, 1, 1}, .committed = {Offset(0)}, .read_from = Offset(0)};
    worker_->AddPartition(tracker_.Start(beginning), beginning);
  }
  /// Of the shard, in order: (partition, clock) of the sections without records.
  std::vector<std::pair<std::int32_t, std::optional<std::int64_t>>> Told(std::uint32_t shard) {
    std::vector<std::pair<std::int32_t, std::optional<std::int64_t>>> told;
    for (const io::StreamMessage& message : streams_.Messages(names_[shard])) {
      for (const Section& section : protocol::ReadEnvelope(message.data).value().sections) {
        if (section.runs.empty()) told.emplace_back(section.origin.partition, section.clock_ms);
      }
    }
    return told;
  }
  bool Until(const std::function<bool()>& condition) {
    const Clock::Time deadline = SystemClock().Now() + std::chrono::seconds(10);
    while (!condition() && SystemClock().Now() < deadline) {
      WaitUntil(SystemClock().Now() + std::chrono::milliseconds(1), {});
    }
    return condition();
  }
  /// What is in the topic.
  void DeliverAll(io::RecordSource& source) {
    bool at_end = false;
    while (!at_end) {
      for (io::SourceEvent& event : source.Poll({})) {
        if (const auto* assigned = std::get_if<io::Assigned>(&event)) {
          const io::OffsetToCommit from{
              .partition = assigned->partitions.at(0), .next = Offset(0), .metadata = {}};
          ASSERT_TRUE(source.StartReading(std::span(&from, 1)).ok());
        } else if (auto* chunk = std::get_if<std::unique_ptr<io::RecordChunk>>(&event)) {
          worker_->Deliver(std::move(*chunk));
        } else {
          at_end = true;
        }
      }
    }
  }
  /// The partition is at its end, and the worker has heard that, and all before.
  void ReachEnd(std::int32_t partition, std::int64_t next) {
    worker_->ReachedEnd(partition, Offset(next));
    EXPECT_TRUE(Until([&] { return tracker_.ReadUpTo(partition) == Offset(next); }));
  }
  /// Wakes the worker once its time has moved.
  void Advance(Clock::Duration by) {
    clock_.Advance(by);
    worker_->RemovePartition(99);
  }

  ManualClock clock_;
  FakeStreams streams_;
  FakeKeyValue bucket_;
  CommitTracker tracker_{kShards};
  SinkView sinks_{bucket_, kShards, "s", tracker_, clock_};
  Metrics registry_;
  IngestorMetrics metrics_{registry_, "s", "t"};
  std::vector<std::string> names_;
  FakeKafka kafka_{1, "t"};
  std::optional<Worker> worker_;
};

TEST_F(WorkerTest, EveryShardHearsOfEveryPartitionAtOnceAndEverySecond) {
  Start(Hop::kRight, true);
  Add(0);
  ASSERT_TRUE(Until([&] { return Told(0).size() == 1 && Told(1).size() == 1; }));
  EXPECT_EQ(Told(0)[0].second, std::nullopt) << "nothing is read yet";
  ReachEnd(0, 1);
  Advance(std::chrono::milliseconds(400));
  Advance(std::chrono::milliseconds(600));
  ASSERT_TRUE(Until([&] { return Told(0).size() == 2 && Told(1).size() == 2; }));
  EXPECT_EQ(Told(1)[1].second, clock_.WallMs()) << "nothing is there";
  // A paused partition may have records that nobody has seen.
  worker_->SetPaused(0, true);
  ReachEnd(0, 2);
  const std::int64_t paused_at = clock_.WallMs();
  Advance(std::chrono::seconds(1));
  ASSERT_TRUE(Until([&] { return Told(0).size() == 3 && Told(1).size() == 3; }));
  EXPECT_EQ(Told(0)[2].second, paused_at);
  worker_->SetPaused(0, false);
  worker_->HoldTime();
  ReachEnd(0, 3);
  Advance(std::chrono::seconds(1));
  ASSERT_TRUE(Until([&] { return Told(0).size() == 4 && Told(1).size() == 4; }));
  EXPECT_EQ(Told(0)[3].second, paused_at) << "Kafka has trouble";
}

TEST_F(WorkerTest, RecordsGiveTheClockOfAllShards) {
  Start(Hop::kLeft, true);
  Add(0);
  const auto source = kafka_.Join();
  kafka_.Append(0, {.value = R"({"id":"a"})", .timestamp_ms = 12'000});
  kafka_.Append(0, {.value = "no JSON", .timestamp_ms = 13'000});
  ASSERT_TRUE(Until([&] { return Told(0).size() == 1 && Told(1).size() == 1; }));
  DeliverAll(*source);
  ReachEnd(0, 5);
  Advance(std::chrono::seconds(2));
  // The shard of the records has them; the other one has a section without any.
  ASSERT_TRUE(Until([&] { return Told(0).size() + Told(1).size() >= 3; }));
  const auto told = Told(0).size() > 1 ? Told(0) : Told(1);
  EXPECT_EQ(told[1].second, 15'000) << "the dead letter's timestamp, and the time since";
}

TEST_F(WorkerTest, WhatWasSentIsAnsweredBeforeTheWorkerIsGone) {
  streams_.HoldAnswers();
  Start(Hop::kIn, false);
  Add(0);
  const auto source = kafka_.Join();
  kafka_.Append(0, {.value = R"({"id":"a"})"});
  DeliverAll(*source);
  ReachEnd(0, 1);
  Advance(std::chrono::milliseconds(50));
  ASSERT_TRUE(Until([&] {
    return streams_.Messages(names_[0]).size() + streams_.Messages(names_[1]).size() == 1;
  }));
  std::atomic<bool> answered = false;
  const auto answering = StartThread("answering", [&](std::stop_token stop) {
    WaitUntil(SystemClock().Now() + std::chrono::milliseconds(20), stop);
    answered = true;
    streams_.ReleaseAnswers();
  });
  worker_.reset();
  EXPECT_TRUE(answered) << "until then the publisher has its batch, and calls it";
}

TEST_F(WorkerTest, WithoutAJoinNothingIsToldAndNobodyWakes) {
  Start(Hop::kIn, false);
  Add(0);
  ReachEnd(0, 7);
  Advance(std::chrono::seconds(60));
  worker_->BeginDrain();
  worker_->FinishDrain(SystemClock().Now() + std::chrono::seconds(10));
  EXPECT_TRUE(streams_.Messages(names_[0]).empty());
  EXPECT_TRUE(streams_.Messages(names_[1]).empty());
}

}  // namespace
}  // namespace penstock::ingestor
