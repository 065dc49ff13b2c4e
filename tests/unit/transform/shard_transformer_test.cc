#include "transform/shard_transformer.h"

#include <array>
#include <atomic>
#include <functional>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/wait.h"
#include "operators/key_hash.h"
#include "protocol/key_bytes.h"
#include "protocol/key_log_codec.h"
#include "protocol/names.h"
#include "state/memory_key_store.h"
#include "support/fake_key_value.h"
#include "support/fake_streams.h"

namespace penstock::transform {
namespace {

using protocol::Hop;
using ::testing::ElementsAre;
using testing::FakeKeyValue;
using testing::FakeStreams;
using testing::FaultKind;
using ::testing::HasSubstr;

const std::string kPipeline = "people";
const std::string kIn = protocol::StreamName(kPipeline, Hop::kIn, ShardId(0));
const std::string kOut = protocol::StreamName(kPipeline, Hop::kOut, ShardId(0));
const std::string kKeys = protocol::StreamName(kPipeline, Hop::kKeys, ShardId(0));

PlannedField FieldOf(std::string name, PhysicalType physical) {
  PlannedField field;
  field.name = std::move(name);
  field.physical = physical;
  return field;
}

void Eventually(const std::string& what, const std::function<bool()>& condition) {
  const Clock::Time deadline = SystemClock().Now() + std::chrono::seconds(10);
  while (!condition() && SystemClock().Now() < deadline) {
    WaitUntil(SystemClock().Now() + std::chrono::milliseconds(1), {});
  }
  ASSERT_TRUE(condition()) << what;
}

/// Takes no keys while the disk is full.
class FullDisk final : public state::MemoryKeyStore {
 public:
  explicit FullDisk(std::atomic<bool>& full) : full_(full) {}
  Status Add(std::span<const FirstRow> rows, const Position& log) override {
    if (full_) return Error{Remedy::kRetry, "disk", "no space left on device"};
    return MemoryKeyStore::Add(rows, log);
  }

 private:
  std::atomic<bool>& full_;
};

class ShardTransformerTest : public ::testing::Test {
 protected:
  ShardTransformerTest() {
    EnsureStreams();
    Ensure(protocol::DeadLetterStream(kPipeline), "penstock." + kPipeline + ".dlq.>");
    plan_.source_id = "s";
    plan_.filter = "id != 13";
    plan_.dedup_key = {"id"};
    plan_.dedup_window = std::chrono::hours(1);
    plan_.input = plan_.output = {FieldOf("id", PhysicalType::kInt64),
                                  FieldOf("text", PhysicalType::kString)};
    plan_.fingerprints = {7, 2};
  }
  void EnsureStreams() {
    for (const Hop hop : {Hop::kIn, Hop::kOut, Hop::kKeys}) {
      Ensure(protocol::StreamName(kPipeline, hop, ShardId(0)),
             protocol::Subject(kPipeline, hop, ShardId(0)));
    }
  }
  void Ensure(const std::string& stream, const std::string& subject) {
    ASSERT_TRUE(server_.Ensure({.name = stream, .subjects = {subject}}).ok());
  }

  /// As an ingestor's: the next offsets of partition 0.
  void Send(const std::vector<std::int64_t>& ids, std::size_t text_bytes = 4,
            std::uint64_t pipeline = 7) {
    Batch batch;
    batch.fingerprints = {pipeline, 1};
    batch.shard = ShardId(0);
    batch.created_ms = 1000;
    Section& section = batch.sections.emplace_back();
    section.origin = {"s", "t", 0, 1, 1};
    section.after = Offset(next_offset_ - 1);
    batch.columns.emplace_back("id", PhysicalType::kInt64);
    batch.columns.emplace_back("text", PhysicalType::kString);
    for (const std::int64_t id : ids) {
      section.Add(Offset(next_offset_++), Outcome::kRow);
      batch.timestamps_ms.push_back(5000);
      batch.columns[0].Append(Cell::Int64(id));
      std::string text(text_bytes, 'x');
      // What does not compress: the bound is on the compressed message.
      std::uint64_t noise = static_cast<std::uint64_t>(id) * 0x9E3779B97F4A7C15ULL + 1;
      for (char& c : text)
        c = static_cast<char>('!' + (noise = noise * 6364136223846793005ULL + 1) % 90);
      batch.columns[1].Append(Cell::String(text));
    }
    std::string message;
    protocol::EncodeBatch(batch, 1, Codec::kLz4, message);
    Publish(Hop::kIn, message);
  }
  void Publish(Hop hop, const std::string& message) {
    ASSERT_TRUE(server_
                    .PublishAndWait({.subject = protocol::Subject(kPipeline, hop, ShardId(0)),
                                     .data = message,
                                     .expected_last = {},
                                     .message_id = {}},
                                    std::chrono::seconds(1))
                    .ok());
  }

  struct Life {
    explicit Life(ShardTransformerTest& test, std::unique_ptr<state::KeyStore> store)
        : streams(test.server_), metrics(registry, std::array{ShardId(0)}, "s") {
      auto made = ShardTransformer::Make(
          {.pipeline_id = kPipeline,
           .shard = ShardId(0),
           .shards = 1,
           .input = {7, 1},
           .plan = test.plan_,
           .trim_interval = std::chrono::milliseconds(1)},
          {streams, streams, test.bucket_, memory, SystemClock(), metrics}, std::move(store));
      EXPECT_TRUE(made.ok());
      shard = std::move(made).value();
    }
    ~Life() {
      shard->RequestStop();
      shard->StopNow();
    }
    double Metric(const std::string& name) const {
      const std::string page = "\n" + registry.Expose();
      const std::size_t at = page.find("\n" + name + " ");
      return at == page.npos ? -1 : std::stod(page.substr(at + name.size() + 2));
    }
    FakeStreams streams;
    Metrics registry;
    TransformMetrics metrics;
    ByteBudget memory{1 << 20};
    std::unique_ptr<ShardTransformer> shard;
  };
  std::unique_ptr<Life> NewLife() {
    return std::make_unique<Life>(*this, std::make_unique<state::MemoryKeyStore>());
  }
  std::unique_ptr<Life> StartLife() {
    auto life = NewLife();
    life->shard->Start();
    return life;
  }
  std::vector<protocol::Envelope> Outputs() {
    std::vector<protocol::Envelope> outputs;
    for (const auto& message : server_.Messages(kOut)) {
      outputs.push_back(protocol::ReadEnvelope(message.data).value());
    }
    return outputs;
  }
  /// What a sink makes of the output: each offset counts when it continues what is known.
  std::map<std::int64_t, Outcome> Confirmed() {
    std::map<std::int64_t, Outcome> records;
    std::int64_t progress = -1;
    for (const protocol::Envelope& output : Outputs()) {
      for (const Section& section : output.sections) {
        EXPECT_LE(section.after.rep(), progress) << "a gap";
        for (const RecordRun& run : section.runs) {
          for (std::int64_t offset = run.first.rep(); offset < run.first.rep() + run.count;
               ++offset) {
            if (offset > progress) records[offset] = run.outcome;
          }
        }
        progress = std::max(progress, section.last.rep());
      }
    }
    return records;
  }
  std::uint64_t Count(Outcome outcome) {
    std::uint64_t count = 0;
    for (const auto& [offset, of] : Confirmed()) count += of == outcome ? 1 : 0;
    return count;
  }

  FakeStreams server_;
  FakeKeyValue bucket_;
  TransformPlan plan_;
  std::int64_t next_offset_ = 0;
};

TEST_F(ShardTransformerTest, EveryMessageBecomesOneAlsoWhenNoRowIsLeft) {
  Send({1, 13, 1, 2});
  Send({13});
  Send({2, 3});
  const auto life = StartLife();
  Eventually("three outputs", [&] { return Outputs().size() == 3; });
  const auto outputs = Outputs();
  EXPECT_EQ(outputs[0].rows, 2U);
  EXPECT_EQ(outputs[1].rows, 0U);
  EXPECT_EQ(outputs[2].rows, 1U);
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(outputs[i].input);
    EXPECT_EQ(outputs[i].input->seq, StreamSeq(i + 1));
  }
  EXPECT_EQ(Count(Outcome::kDuplicate), 2U);
  EXPECT_EQ(Count(Outcome::kFiltered), 2U);
  // What is done with is taken away, but never the last message.
  Eventually("a trimmed input", [&] { return server_.Messages(kIn).size() < 3; });
  EXPECT_FALSE(server_.Messages(kIn).empty());
  EXPECT_EQ(server_.Messages(kKeys).size(), 2U) << "one for each message with new keys";
}

TEST_F(ShardTransformerTest, TheNextOwnerGoesOnAfterTheLastOutput) {
  Send({1, 2});
  {
    const auto first = StartLife();
    Eventually("an output", [&] { return Outputs().size() == 1; });
  }
  Send({2, 3});
  const auto second = StartLife();
  Eventually("the second", [&] { return Outputs().size() == 2; });
  EXPECT_EQ(Outputs()[1].rows, 1U) << "the key log tells what the first owner knew";
  EXPECT_EQ(second->Metric("penstock_transform_rows_in_total"), 2);
}

// Two at once: each message is done by one of them, until the other finds that out and ends.
TEST_F(ShardTransformerTest, WhoIsOvertakenWritesNothingMore) {
  const auto first = StartLife();
  const auto second = StartLife();
  std::size_t sent = 0;
  Eventually("one of them ends", [&] {
    Send({static_cast<std::int64_t>(100 + sent++)});
    return first->shard->failure() || second->shard->failure();
  });
  Eventually("the other goes on", [&] { return Outputs().size() == sent; });
  const auto& loser = first->shard->failure() ? first : second;
  EXPECT_EQ(loser->shard->failure()->code, "conflict");
  EXPECT_FALSE(first->shard->failure() && second->shard->failure());
  EXPECT_EQ(Confirmed().size(), sent);
}

// Another owner that does not know yet that it is none, say. A store that says it has followed the
// log beyond what it has read would not read it after a restart, either.
TEST_F(ShardTransformerTest, WhatOthersAppendToTheKeyLogIsNotSkipped) {
  const auto life = StartLife();
  Send({1});
  Eventually("an output", [&] { return Outputs().size() == 1; });
  std::string key;
  protocol::AppendKeyPart(key, Cell::Int64(7));
  const FirstRow row{
      .key = operators::KeyHashOf(key), .id = {1, 5, Offset(100)}, .timestamp_ms = 5000};
  std::string message;
  protocol::EncodeKeyLog(std::span(&row, 1), message);
  Publish(Hop::kKeys, message);
  Send({2});
  Eventually("the next", [&] { return Outputs().size() == 2; });
  Send({7});
  Eventually("the last", [&] { return Outputs().size() == 3; });
  EXPECT_EQ(Count(Outcome::kDuplicate), 1U);
}

TEST_F(ShardTransformerTest, AnAnswerThatIsLostIsNoSecondOutput) {
  const auto life = NewLife();
  life->streams.faults().Add({.kind = FaultKind::kLostAnswer,
                              .operation = "Publish",
                              .about = protocol::Subject(kPipeline, Hop::kOut, ShardId(0)),
                              .skip = 0,
                              .times = 2});
  Send({1});
  Send({2});
  life->shard->Start();
  Eventually("both are done",
             [&] { return life->Metric("penstock_transform_rows_out_total") == 2; });
  EXPECT_EQ(Outputs().size(), 2U);
  EXPECT_FALSE(life->shard->failure());
}

TEST_F(ShardTransformerTest, AnOutputTooLargeGoesInPartsAndWhoDiesBetweenThemDoesItAgain) {
  std::vector<std::int64_t> ids;
  for (std::int64_t id = 100; id < 140; ++id) ids.push_back(id);
  Send({1});
  Send(ids, 500);
  server_.SetMaxPayload(6000);
  {
    const auto first = NewLife();
    // The message before and three parts.
    first->streams.faults().Add({.kind = FaultKind::kUnavailable,
                                 .operation = "Publish",
                                 .about = protocol::Subject(kPipeline, Hop::kOut, ShardId(0)),
                                 .skip = 4,
                                 .times = -1});
    first->shard->Start();
    Eventually("some parts", [&] { return Outputs().size() == 4; });
  }
  for (const protocol::Envelope& part : Outputs()) EXPECT_EQ(part.input->seq, StreamSeq(1));
  const auto second = StartLife();
  Eventually("all parts", [&] { return Outputs().back().input->seq == StreamSeq(2); });
  EXPECT_EQ(Count(Outcome::kRow), 41U);
  EXPECT_EQ(Confirmed().size(), 41U);
}

TEST_F(ShardTransformerTest, ARowThatFitsNoMessageIsADeadLetter) {
  Send({1, 2}, 3000);
  Send({3});
  server_.SetMaxPayload(3000);
  const auto life = StartLife();
  Eventually("both", [&] { return Confirmed().size() == 3; });
  EXPECT_EQ(Count(Outcome::kDeadLetter), 2U);
  EXPECT_EQ(Count(Outcome::kRow), 1U);
  const auto letters = server_.Messages(protocol::DeadLetterStream(kPipeline));
  ASSERT_FALSE(letters.empty());
  EXPECT_THAT(letters[0].data, HasSubstr("record_too_large"));
}

TEST_F(ShardTransformerTest, AFullDiskIsWaitedFor) {
  std::atomic<bool> full = true;
  Life life(*this, std::make_unique<FullDisk>(full));
  Send({1});
  Send({2});
  life.shard->Start();
  Eventually("it waits", [&] { return life.Metric("penstock_dedup_store_failures_total") > 0; });
  EXPECT_EQ(Outputs().size(), 1U);
  full = false;
  Eventually("it goes on", [&] { return Outputs().size() == 2; });
  EXPECT_FALSE(life.shard->failure());
}

TEST_F(ShardTransformerTest, AMessageOfAnotherPipelineStopsTheShard) {
  Send({1}, 4, 8);
  const auto life = StartLife();
  Eventually("it stops", [&] { return life->shard->failure().has_value(); });
  EXPECT_EQ(life->shard->failure()->code, "foreign_batch");
  EXPECT_TRUE(Outputs().empty());
}

TEST_F(ShardTransformerTest, AnInputThatWasReplacedIsReadFromItsStart) {
  Send({1});
  Send({2});
  {
    const auto first = StartLife();
    Eventually("outputs", [&] { return Outputs().size() == 2; });
  }
  ASSERT_TRUE(server_.Remove(kIn).ok());
  Ensure(kIn, protocol::Subject(kPipeline, Hop::kIn, ShardId(0)));
  next_offset_ = 1;
  Send({2});
  Send({3});
  Send({4});
  const auto second = StartLife();
  Eventually("all of it", [&] { return Outputs().size() == 5; });
  EXPECT_EQ(Count(Outcome::kRow), 4U);
  EXPECT_EQ(Confirmed().size(), 4U);
}

// The shard begins anew then; to stop for good would need somebody for nothing.
TEST_F(ShardTransformerTest, AStreamThatIsDeletedUnderItEndsItForAWhile) {
  for (const std::string& gone : {kIn, kOut, kKeys}) {
    const auto life = StartLife();
    Eventually("it works", [&] { return life->shard->started(); });
    ASSERT_TRUE(server_.Remove(gone).ok());
    if (gone != kIn) Send({next_offset_ + 100});
    Eventually(gone + " is missed", [&] { return life->shard->failure().has_value(); });
    const Error failure = *life->shard->failure();
    EXPECT_EQ(failure.code, "stream_replaced");
    EXPECT_EQ(failure.remedy, Remedy::kRetry);
    EXPECT_THAT(failure.detail, HasSubstr(gone));
    life->shard->StopNow();
    EnsureStreams();
  }
}

}  // namespace
}  // namespace penstock::transform
