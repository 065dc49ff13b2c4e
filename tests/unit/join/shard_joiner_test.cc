#include "join/shard_joiner.h"

#include <array>
#include <atomic>
#include <functional>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/wait.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "state/memory_row_store.h"
#include "support/fake_key_value.h"
#include "support/fake_streams.h"

namespace penstock::join {
namespace {

using ::testing::ElementsAre;
using testing::FakeKeyValue;
using testing::FakeStreams;
using testing::FaultKind;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kPipeline = "people";

std::string StreamOf(Hop hop) {
  return protocol::StreamName(kPipeline, hop, ShardId(0));
}
std::string SubjectOf(Hop hop) {
  return protocol::Subject(kPipeline, hop, ShardId(0));
}

PlannedField FieldOf(std::string name) {
  PlannedField field;
  field.name = std::move(name);
  return field;
}

void Eventually(const std::string& what, const std::function<bool()>& condition) {
  const Clock::Time deadline = SystemClock().Now() + std::chrono::seconds(10);
  while (!condition() && SystemClock().Now() < deadline) {
    WaitUntil(SystemClock().Now() + std::chrono::milliseconds(1), {});
  }
  ASSERT_TRUE(condition()) << what;
}

/// Takes nothing while the disk is full; once it may say that it is damaged.
class TroubledStore final : public state::MemoryRowStore {
 public:
  struct Trouble {
    std::atomic<bool> full = false;
    std::atomic<bool> damaged = false;
  };
  explicit TroubledStore(Trouble& trouble) : trouble_(trouble) {}
  Status Write(const Changes& changes, std::string_view state) override {
    if (trouble_.full) return Error{Remedy::kRetry, "disk", "no space left on device"};
    return MemoryRowStore::Write(changes, state);
  }
  Status FindNewest(Side side, std::span<const Query> queries, std::vector<Match>& found) override {
    if (trouble_.damaged.exchange(false))
      return Error{Remedy::kStop, "corrupt", "a wrong checksum"};
    return MemoryRowStore::FindNewest(side, queries, found);
  }

 private:
  Trouble& trouble_;
};

class ShardJoinerTest : public ::testing::Test {
 protected:
  ShardJoinerTest() {
    for (const Hop hop : {Hop::kLeft, Hop::kRight, Hop::kOut}) Ensure(hop);
    EXPECT_TRUE(server_
                    .Ensure({.name = protocol::DeadLetterStream(kPipeline),
                             .subjects = {"penstock." + kPipeline + ".dlq.>"}})
                    .ok());
    for (JoinSidePlan* side : {&plan_.left, &plan_.right}) {
      side->key = "key";
      side->window = std::chrono::hours(1);
      side->input = {FieldOf("key"), FieldOf("name")};
      side->fingerprints = {7, 1};
    }
    plan_.outputs = {{Side::kLeft, 1, FieldOf("l")}, {Side::kRight, 1, FieldOf("r")}};
    plan_.output = {FieldOf("l"), FieldOf("r")};
    plan_.fingerprints = {7, 2};
  }
  void Ensure(Hop hop) {
    ASSERT_TRUE(server_.Ensure({.name = StreamOf(hop), .subjects = {SubjectOf(hop)}}).ok());
  }

  using Rows = std::vector<std::pair<std::string, std::string>>;  // Key and name.
  /// The next offsets of partition 0, all of the same time; the clock is `clock_ms`.
  void Send(Hop hop, const Rows& rows, std::int64_t clock_ms = 5000, std::uint64_t pipeline = 7) {
    Batch batch;
    batch.fingerprints = {pipeline, 1};
    batch.shard = ShardId(0);
    batch.created_ms = 1'000'000'000;
    Section& section = batch.sections.emplace_back();
    std::int64_t& next = next_offset_[hop];
    section.origin = {hop == Hop::kLeft ? "left" : "right", "t", 0, 1, 1};
    section.after = section.last = Offset(next - 1);
    section.clock_ms = clock_ms;
    batch.columns.emplace_back("key", PhysicalType::kString);
    batch.columns.emplace_back("name", PhysicalType::kString);
    for (const auto& [key, name] : rows) {
      section.Add(Offset(next++), Outcome::kRow);
      batch.timestamps_ms.push_back(5000);
      batch.columns[0].Append(Cell::String(key));
      batch.columns[1].Append(Cell::String(name));
    }
    std::string message;
    protocol::EncodeBatch(batch, 1, Codec::kLz4, message);
    ASSERT_TRUE(
        server_
            .PublishAndWait(
                {.subject = SubjectOf(hop), .data = message, .expected_last = {}, .message_id = {}},
                std::chrono::seconds(1))
            .ok());
  }

  struct Life {
    Life(ShardJoinerTest& test, std::unique_ptr<state::RowStore> store)
        : streams(test.server_), metrics(registry, std::array{ShardId(0)}) {
      auto made = ShardJoiner::Make(
          {.pipeline_id = kPipeline,
           .shard = ShardId(0),
           .shards = 1,
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
    JoinMetrics metrics;
    ByteBudget memory{1 << 20};
    std::unique_ptr<ShardJoiner> shard;
  };
  std::unique_ptr<Life> NewLife() {
    return std::make_unique<Life>(*this, std::make_unique<state::MemoryRowStore>());
  }
  std::unique_ptr<Life> StartLife() {
    auto life = NewLife();
    life->shard->Start();
    return life;
  }

  std::vector<protocol::Envelope> Outputs() {
    std::vector<protocol::Envelope> outputs;
    for (const auto& message : server_.Messages(StreamOf(Hop::kOut))) {
      outputs.push_back(protocol::ReadEnvelope(message.data).value());
    }
    return outputs;
  }
  /// The joined rows as `left+right`, by step: each step counts once, as in the sink.
  std::vector<std::string> Joined() {
    std::vector<std::string> joined;
    std::int64_t progress = 0;
    for (const auto& message : server_.Messages(StreamOf(Hop::kOut))) {
      const protocol::Envelope envelope = protocol::ReadEnvelope(message.data).value();
      protocol::Rows rows;
      EXPECT_TRUE(protocol::ReadRows(envelope, message.data, rows).ok());
      EXPECT_EQ(envelope.sections.at(0).after.rep(), progress) << "steps go on one by one";
      TextCursor lefts(rows.columns[0]);
      TextCursor rights(rows.columns[1]);
      for (std::size_t i = 0; i < envelope.rows; ++i) {
        const std::string left(lefts.Next());
        joined.push_back(left + "+" + std::string(rights.Next()));
      }
      progress = envelope.sections.at(0).last.rep();
    }
    return joined;
  }

  FakeStreams server_;
  FakeKeyValue bucket_;
  JoinPlan plan_;
  std::map<Hop, std::int64_t> next_offset_;
};

TEST_F(ShardJoinerTest, RowsOfBothSidesAreJoined) {
  const auto life = StartLife();
  Send(Hop::kLeft, {{"1", "john"}, {"2", "zahng"}});
  Send(Hop::kRight, {{"1", "John"}, {"3", "Bob"}});
  Send(Hop::kLeft, {{"3", "gmail"}, {"3", "yahoo"}});
  Eventually("all of them", [&] { return Joined().size() == 3; });
  EXPECT_THAT(Joined(), ::testing::UnorderedElementsAre("john+John", "gmail+Bob", "yahoo+Bob"));
  const protocol::Envelope last = Outputs().back();
  EXPECT_EQ(last.join->left.taken.at(0).now.last, Offset(3));
  EXPECT_EQ(last.join->right.taken.at(0).now.last, Offset(1));
  EXPECT_EQ(last.fingerprints, plan_.fingerprints);
}

TEST_F(ShardJoinerTest, WhatWaitsIsNotForgottenWithItsOwnerOrItsDisk) {
  {
    const auto first = StartLife();
    Send(Hop::kLeft, {{"1", "john"}, {"2", "ann"}});
    Send(Hop::kRight, {{"2", "Ann"}});
    Eventually("the first", [&] { return Joined().size() == 1; });
  }
  const auto second = StartLife();  // With an empty store.
  Send(Hop::kRight, {{"1", "John"}, {"2", "Ann again"}});
  Eventually("the second", [&] { return Joined().size() == 2; });
  EXPECT_THAT(Joined(), ElementsAre("ann+Ann", "john+John"));
  EXPECT_EQ(second->Metric("penstock_state_rebuild_seconds_count"), 1);
}

TEST_F(ShardJoinerTest, AnOutputTooLargeGoesInPartsAndWhoDiesBetweenThemSendsTheRest) {
  Rows many;
  for (int i = 0; i < 40; ++i) {
    std::string noise;
    std::uint64_t state = static_cast<std::uint64_t>(i) + 1;
    while (noise.size() < 400) {
      noise.push_back(static_cast<char>('!' + (state = state * 6364136223846793005ULL + 1) % 90));
    }
    many.emplace_back("k", fmt::format("{}-{}", i, noise));
  }
  Send(Hop::kLeft, many);
  server_.SetMaxPayload(6000);
  {
    const auto first = NewLife();
    first->streams.faults().Add({.kind = FaultKind::kUnavailable,
                                 .operation = "Publish",
                                 .about = SubjectOf(Hop::kOut),
                                 .skip = 3,
                                 .times = -1});
    first->shard->Start();
    Eventually("the left rows wait", [&] { return Outputs().size() == 1; });
    Send(Hop::kRight, {{"k", "R"}});
    Eventually("some parts", [&] { return Outputs().size() == 3; });
  }
  EXPECT_LT(Joined().size(), 40U);
  EXPECT_EQ(Outputs().back().join->steps_of_next, Joined().size());
  const auto second = StartLife();
  Eventually("all parts", [&] { return Joined().size() == 40; });
  Eventually("the end", [&] { return Outputs().back().join->steps_of_next == 0; });
  const auto joined = Joined();
  for (std::size_t i = 0; i < joined.size(); ++i) {
    EXPECT_THAT(joined[i], ::testing::StartsWith(fmt::format("{}-", i)));
  }
}

// There is no row to divide or to give up: somebody has to raise the limit.
TEST_F(ShardJoinerTest, ACheckpointThatFitsNoMessageStopsTheShard) {
  Send(Hop::kLeft, {{"k", "l"}});
  server_.SetMaxPayload(100);
  const auto life = StartLife();
  Eventually("it stops", [&] { return life->shard->failure().has_value(); });
  EXPECT_EQ(life->shard->failure()->code, "too_large");
}

// Two at once: one of them finds out, and ends.
TEST_F(ShardJoinerTest, WhoIsOvertakenWritesNothingMore) {
  const auto first = StartLife();
  const auto second = StartLife();
  std::size_t sent = 0;
  Send(Hop::kRight, {{"k", "R"}});
  Eventually("one of them ends", [&] {
    Send(Hop::kLeft, {{"k", fmt::format("l{}", sent++)}});
    return first->shard->failure() || second->shard->failure();
  });
  Eventually("the other goes on", [&] { return Joined().size() == sent; });
  const auto& loser = first->shard->failure() ? first : second;
  EXPECT_EQ(loser->shard->failure()->code, "conflict");
  EXPECT_FALSE(first->shard->failure() && second->shard->failure());
}

TEST_F(ShardJoinerTest, AnAnswerThatIsLostIsNoSecondOutput) {
  const auto life = NewLife();
  life->streams.faults().Add({.kind = FaultKind::kLostAnswer,
                              .operation = "Publish",
                              .about = SubjectOf(Hop::kOut),
                              .skip = 0,
                              .times = 2});
  Send(Hop::kLeft, {{"k", "l"}});
  Send(Hop::kRight, {{"k", "r"}});
  life->shard->Start();
  Eventually("it is joined", [&] { return life->Metric("penstock_join_rows_out_total") == 1; });
  EXPECT_THAT(Joined(), ElementsAre("l+r"));
  EXPECT_FALSE(life->shard->failure());
}

TEST_F(ShardJoinerTest, AFullDiskIsWaitedFor) {
  TroubledStore::Trouble trouble;
  trouble.full = true;
  Life life(*this, std::make_unique<TroubledStore>(trouble));
  Send(Hop::kLeft, {{"k", "l"}});
  life.shard->Start();
  Eventually("it waits", [&] { return life.Metric("penstock_join_store_failures_total") > 0; });
  Send(Hop::kRight, {{"k", "r"}});
  trouble.full = false;
  Eventually("it goes on", [&] { return Joined().size() == 1; });
  EXPECT_FALSE(life.shard->failure());
}

TEST_F(ShardJoinerTest, ADamagedStoreIsMadeFromTheKeptMessages) {
  TroubledStore::Trouble trouble;
  Life life(*this, std::make_unique<TroubledStore>(trouble));
  life.shard->Start();
  Send(Hop::kLeft, {{"k", "l"}, {"x", "m"}});
  Send(Hop::kRight, {{"k", "r"}});
  Eventually("the first", [&] { return Joined().size() == 1; });
  trouble.damaged = true;
  Send(Hop::kLeft, {{"k", "n"}});
  Send(Hop::kRight, {{"x", "s"}});
  Eventually("all of them", [&] { return Joined().size() == 3; });
  EXPECT_THAT(Joined(), ::testing::UnorderedElementsAre("l+r", "n+r", "m+s"));
  EXPECT_EQ(life.Metric("penstock_join_store_damaged_total"), 1);
}

TEST_F(ShardJoinerTest, OnlyWhatNobodyNeedsIsTrimmed) {
  plan_.left.window = plan_.right.window = std::chrono::milliseconds(1000);
  const auto life = StartLife();
  Send(Hop::kLeft, {{"a", "l"}});
  Send(Hop::kRight, {{"b", "r"}});
  Send(Hop::kLeft, {}, 6500);
  Send(Hop::kRight, {}, 6000);
  Eventually("both are read", [&] { return life->Metric("penstock_join_rows_out_total") == 0; });
  EXPECT_EQ(server_.Messages(StreamOf(Hop::kLeft)).size(), 2U) << "it might still be joined";
  Send(Hop::kRight, {{"c", "s"}}, 8001);
  Send(Hop::kLeft, {{"d", "m"}}, 8001);
  Eventually("the first ones are gone", [&] {
    return server_.Messages(StreamOf(Hop::kLeft)).front().seq > StreamSeq(1) &&
           server_.Messages(StreamOf(Hop::kRight)).front().seq > StreamSeq(1);
  });
}

TEST_F(ShardJoinerTest, UnmatchedRowsOfAnOuterJoinAreSentOnce) {
  plan_.sends_unmatched = true;
  plan_.left.window = std::chrono::milliseconds(1000);
  {
    const auto first = StartLife();
    Send(Hop::kLeft, {{"a", "l"}, {"b", "m"}});
    Send(Hop::kRight, {{"b", "r"}});
    Send(Hop::kRight, {}, 7000);
    Eventually("both", [&] { return Joined().size() == 2; });
  }
  EXPECT_THAT(Joined(), ::testing::UnorderedElementsAre("l+", "m+r"));
  const auto second = StartLife();
  Send(Hop::kLeft, {{"a", "n"}});
  Eventually("the late one", [&] { return Joined().size() == 3; });
  EXPECT_EQ(Joined().back(), "n+");
}

TEST_F(ShardJoinerTest, ASideThatIsTooFarAheadWaits) {
  plan_.max_skew = std::chrono::seconds(10);
  const auto life = StartLife();
  Send(Hop::kRight, {}, 5000);
  Send(Hop::kLeft, {}, 5000);
  Send(Hop::kLeft, {}, 50'000);
  Send(Hop::kLeft, {{"k", "l"}}, 50'001);
  Send(Hop::kRight, {{"other", "r"}}, 6000);
  Eventually("the right side is read", [&] {
    const auto outputs = Outputs();
    return !outputs.empty() && !outputs.back().join->right.taken.empty() &&
           outputs.back().join->right.taken[0].now.last == Offset(0);
  });
  EXPECT_EQ(Outputs().back().join->left.taken.at(0).now.last, Offset(-1)) << "it waits";
  Send(Hop::kRight, {{"k", "R"}}, 45'000);
  Eventually("it goes on", [&] { return Joined().size() == 1; });
}

TEST_F(ShardJoinerTest, AMessageOfAnotherPipelineStopsTheShard) {
  Send(Hop::kLeft, {{"k", "l"}}, 5000, 8);
  const auto life = StartLife();
  Eventually("it stops", [&] { return life->shard->failure().has_value(); });
  EXPECT_EQ(life->shard->failure()->code, "foreign_batch");
  EXPECT_THAT(Outputs(), IsEmpty());
}

// The output is gone with its stream: the sink's record says where to go on.
TEST_F(ShardJoinerTest, WithoutAnOutputItStartsFromTheSinksRecord) {
  {
    const auto first = StartLife();
    Send(Hop::kLeft, {{"1", "john"}, {"2", "ann"}});
    Send(Hop::kRight, {{"2", "Ann"}});
    Eventually("the first", [&] { return Joined().size() == 1; });
  }
  ShardRecord record;
  record.birth = 5;
  record.join = Outputs().back().join;
  record.progress[JoinOrigin(ShardId(0))].confirmed = Offset(1);
  const std::string key = protocol::ShardRecordKey(ShardId(0));
  const auto entry = bucket_.Get(key);
  ASSERT_TRUE(
      bucket_.Update(key, protocol::EncodeShardRecord(record), entry.value()->revision).ok());
  ASSERT_TRUE(server_.Remove(StreamOf(Hop::kOut)).ok());
  Ensure(Hop::kOut);
  const auto second = StartLife();
  Send(Hop::kRight, {{"1", "John"}});
  Eventually("the second", [&] { return !Outputs().empty() && Outputs().back().rows == 1; });
  EXPECT_EQ(Outputs().back().sections[0].after, Offset(1));
  EXPECT_EQ(Outputs().back().sections[0].birth, 5U);
}

}  // namespace
}  // namespace penstock::join
