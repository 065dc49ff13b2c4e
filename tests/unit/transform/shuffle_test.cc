#include <array>
#include <functional>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "protocol/key_bytes.h"
#include "protocol/names.h"
#include "protocol/routing.h"
#include "state/memory_key_store.h"
#include "support/fake_key_value.h"
#include "support/fake_streams.h"
#include "support/patience.h"
#include "transform/shard_transformer.h"

namespace penstock::transform {
namespace {

using protocol::Hop;
using testing::Eventually;
using testing::FakeKeyValue;
using testing::FakeStreams;
using testing::FaultKind;

constexpr std::uint32_t kShards = 4;
constexpr ShardId kOwn{2};
const std::string kPipeline = "visits";
const std::string kIn = protocol::StreamName(kPipeline, Hop::kLeftIn, kOwn);
const std::string kTargets = "penstock." + kPipeline + ".left.";  // How their subjects begin.

std::string TargetStream(std::uint32_t shard) {
  return protocol::StreamName(kPipeline, Hop::kLeft, ShardId(shard));
}

std::uint32_t ShardOfUser(std::string_view user) {
  std::string key;
  protocol::AppendKeyPart(key, Cell::String(user));
  return protocol::ShardOfKey(key, kShards).rep();
}

PlannedField FieldOf(std::string name, PhysicalType physical) {
  PlannedField field;
  field.name = std::move(name);
  field.physical = physical;
  return field;
}

/// The dedup in front of a join's left side: by `id`, where the join goes by `user`.
TransformPlan PlanOfSide() {
  TransformPlan plan;
  plan.source_id = "clicks";
  plan.from = Hop::kLeftIn;
  plan.to = Hop::kLeft;
  plan.keys = Hop::kLeftKeys;
  plan.shuffle_key = "user";
  plan.dedup_key = {"id"};
  plan.dedup_window = std::chrono::hours(1);
  plan.input =
      plan.output = {FieldOf("id", PhysicalType::kInt64), FieldOf("user", PhysicalType::kString),
                     FieldOf("note", PhysicalType::kString)};
  plan.fingerprints = {7, 2};
  return plan;
}

/// A shard's transform, from its first message to the end of its process.
class Life {
 public:
  Life(FakeStreams& server, FakeKeyValue& bucket)
      : streams(server), metrics_(registry_, std::array{kOwn}, "clicks") {
    auto made = ShardTransformer::Make({.pipeline_id = kPipeline,
                                        .shard = kOwn,
                                        .shards = kShards,
                                        .input = {7, 1},
                                        .plan = PlanOfSide(),
                                        .trim_interval = std::chrono::milliseconds(0)},
                                       {streams, streams, bucket, memory_, SystemClock(), metrics_},
                                       std::make_unique<state::MemoryKeyStore>());
    EXPECT_TRUE(made.ok());
    shard = std::move(made).value();
  }
  ~Life() {
    shard->RequestStop();
    shard->StopNow();
  }

  FakeStreams streams;

 private:
  Metrics registry_;
  TransformMetrics metrics_;
  ByteBudget memory_{1 << 20};

 public:
  std::unique_ptr<ShardTransformer> shard;
};

class ShuffleTest : public ::testing::Test {
 protected:
  ShuffleTest() {
    Ensure(kIn, {protocol::Subject(kPipeline, Hop::kLeftIn, kOwn)});
    Ensure(protocol::StreamName(kPipeline, Hop::kLeftKeys, kOwn),
           {protocol::Subject(kPipeline, Hop::kLeftKeys, kOwn)});
    Ensure(protocol::DeadLetterStream(kPipeline), {"penstock." + kPipeline + ".dlq.>"});
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      const std::string subject = protocol::Subject(kPipeline, Hop::kLeft, ShardId(shard));
      Ensure(TargetStream(shard), {subject, subject + ".*"});
    }
  }
  void Ensure(const std::string& stream, std::vector<std::string> subjects) {
    ASSERT_TRUE(server_.Ensure({.name = stream, .subjects = std::move(subjects)}).ok());
  }

  /// As an ingestor: the next rows of partition 0. A user "" is null: no key for the join.
  struct Row {
    std::int64_t id;
    std::string user;
    std::string note = "n";
  };
  void Send(const std::vector<Row>& rows) {
    Batch batch;
    batch.fingerprints = {7, 1};
    batch.shard = kOwn;
    batch.created_ms = 1000;
    Section& section = batch.sections.emplace_back();
    section.origin = {"clicks", "t", 0, 1, 1};
    section.after = section.last = Offset(static_cast<std::int64_t>(sent_.size()) - 1);
    section.clock_ms = 5000;
    for (const PlannedField& field : PlanOfSide().input) {
      batch.columns.emplace_back(field.name, field.physical);
    }
    for (const Row& row : rows) {
      section.Add(Offset(static_cast<std::int64_t>(sent_.size())), Outcome::kRow);
      batch.timestamps_ms.push_back(5000);
      batch.columns[0].Append(Cell::Int64(row.id));
      batch.columns[1].Append(row.user.empty() ? Cell::Missing(Presence::kNull)
                                               : Cell::String(row.user));
      batch.columns[2].Append(Cell::String(row.note));
      sent_.push_back(row);
    }
    ++messages_sent_;
    std::string message;
    protocol::EncodeBatch(batch, kShards, Codec::kLz4, message);
    ASSERT_TRUE(server_
                    .PublishAndWait({.subject = protocol::Subject(kPipeline, Hop::kLeftIn, kOwn),
                                     .data = message,
                                     .expected_last = {},
                                     .message_id = {}},
                                    std::chrono::seconds(1))
                    .ok());
  }
  void SendRandom(std::mt19937_64& random) {
    std::vector<Row> rows;
    for (std::uint64_t left = random() % 6; left > 0; --left) {
      const std::string user = random() % 10 == 0 ? "" : fmt::format("user {}", random() % 9);
      rows.push_back({static_cast<std::int64_t>(random() % 40), user});
    }
    Send(rows);
  }

  std::unique_ptr<Life> NewLife() { return std::make_unique<Life>(server_, bucket_); }
  std::unique_ptr<Life> StartLife() {
    auto life = NewLife();
    life->shard->Start();
    return life;
  }

  /// What the join's shard makes of its stream: it drops what it has, and a gap would end it.
  struct Target {
    StreamSeq read{0};
    std::int64_t progress = -1;
    std::uint64_t input = 0;  ///< The position that the last message speaks of.
    std::size_t messages = 0;
    std::map<std::int64_t, std::pair<Outcome, std::int64_t>> records;  ///< By offset: its id.
  };
  Target& Read(std::uint32_t shard) {
    Target& target = targets_[shard];
    for (const io::StreamMessage& message : server_.Messages(TargetStream(shard))) {
      if (message.seq <= target.read) continue;
      target.read = message.seq;
      ++target.messages;
      Take(target, message);
    }
    return target;
  }
  void Take(Target& target, const io::StreamMessage& message) {
    const protocol::Envelope envelope = protocol::ReadEnvelope(message.data).value();
    EXPECT_EQ(envelope.writer, kOwn);
    protocol::Rows rows;
    ASSERT_TRUE(protocol::ReadRows(envelope, message.data, rows).ok());
    target.input = envelope.input->seq.rep();
    std::size_t row = 0;
    for (const Section& section : envelope.sections) {
      ASSERT_LE(section.after.rep(), target.progress) << "a gap";
      for (const RecordRun& run : section.runs) {
        for (std::int64_t i = run.first.rep(); i < run.first.rep() + run.count; ++i) {
          const std::int64_t id =
              run.outcome == Outcome::kRow ? rows.columns[0].Fixed<std::int64_t>(row++) : -1;
          if (i <= target.progress) continue;
          EXPECT_TRUE(target.records.try_emplace(i, run.outcome, id).second);
        }
      }
      target.progress = std::max(target.progress, section.last.rep());
    }
  }
  bool AllRead() {
    bool all = true;
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      all &= Read(shard).progress + 1 == static_cast<std::int64_t>(sent_.size()) &&
             targets_[shard].input == messages_sent_;
    }
    return all;
  }
  /// The reader of a target takes messages away, up to all that it has read.
  void TrimTarget(std::uint32_t shard, std::uint64_t back = 0) {
    const std::uint64_t read = Read(shard).read.rep();
    ASSERT_TRUE(server_.Trim(TargetStream(shard), StreamSeq(read + 1 - std::min(read, back))).ok());
  }

  /// Every record that was sent is in one target, as what it has to be.
  void ExpectAllOnce() {
    std::set<std::int64_t> ids;
    for (std::size_t i = 0; i < sent_.size(); ++i) {
      const Row& row = sent_[i];
      Outcome outcome = Outcome::kDeadLetter;
      if (!row.user.empty()) {
        outcome = ids.insert(row.id).second ? Outcome::kRow : Outcome::kDuplicate;
      }
      const std::uint32_t shard = outcome == Outcome::kRow ? ShardOfUser(row.user) : kOwn.rep();
      for (std::uint32_t other = 0; other < kShards; ++other) {
        const auto found = targets_[other].records.find(static_cast<std::int64_t>(i));
        ASSERT_EQ(found != targets_[other].records.end(), other == shard)
            << "offset " << i << " in " << other;
        if (other != shard) continue;
        EXPECT_EQ(found->second.first, outcome) << "offset " << i;
        EXPECT_EQ(found->second.second, outcome == Outcome::kRow ? row.id : -1);
      }
    }
  }

  FakeStreams server_;
  FakeKeyValue bucket_;
  std::vector<Row> sent_;
  std::uint64_t messages_sent_ = 0;
  std::array<Target, kShards> targets_;
};

TEST_F(ShuffleTest, OneMessageBecomesOneForEveryTarget) {
  Send({{1, "a"}, {2, "b"}, {1, "c"}, {3, ""}, {4, "c"}});
  Send({{1, "a"}});
  Send({});
  const auto life = StartLife();
  EXPECT_TRUE(Eventually([&] { return AllRead(); }));
  ExpectAllOnce();
  for (const Target& target : targets_) EXPECT_EQ(target.messages, 3U);
  const auto message = server_.Messages(TargetStream(0)).front();
  EXPECT_EQ(message.subject, protocol::Subject(kPipeline, Hop::kLeft, ShardId(0), kOwn));
  EXPECT_EQ(protocol::ReadEnvelope(message.data).value().sections.front().clock_ms, 5000);
  EXPECT_TRUE(Eventually([&] { return server_.Messages(kIn).size() == 1; }))
      << "what all targets have is taken from the input, but never the last message";
}

TEST_F(ShuffleTest, WhoDiesBetweenTwoTargetsLeavesTheRestToTheNext) {
  for (int k = 0; k <= static_cast<int>(2 * kShards); ++k) {
    const std::size_t before =
        Read(0).messages + Read(1).messages + Read(2).messages + Read(3).messages;
    Send({{3 * k, "a"}, {3 * k + 1, "b"}, {3 * k, "c"}});
    Send({{3 * k + 1, "c"}, {3 * k + 2, "d"}});
    {
      const auto dying = NewLife();
      dying->streams.faults().Add({.kind = FaultKind::kUnavailable,
                                   .operation = "Publish",
                                   .about = kTargets,
                                   .skip = k,
                                   .times = -1});
      dying->shard->Start();
      EXPECT_TRUE(Eventually([&] {
        std::size_t now = 0;
        for (std::uint32_t shard = 0; shard < kShards; ++shard) now += Read(shard).messages;
        return now == before + static_cast<std::size_t>(k);
      }));
    }
    const auto next = StartLife();
    EXPECT_TRUE(Eventually([&] { return AllRead(); })) << k << " publishes";
  }
  ExpectAllOnce();
  // A target that has a message is not sent it again: only those that had died in between were.
  for (const Target& target : targets_) EXPECT_EQ(target.messages, messages_sent_);
}

TEST_F(ShuffleTest, ATargetThatWasEmptiedByItsReaderGoesOn) {
  const auto life = StartLife();
  for (int i = 0; i < 5; ++i) {
    Send({{i, "a"}, {i + 100, "b"}, {i + 200, "c"}, {i + 300, "d"}});
    EXPECT_TRUE(Eventually([&] { return AllRead(); }));
    for (std::uint32_t shard = 0; shard < kShards; ++shard) TrimTarget(shard, i % 2 == 0 ? 0 : 1);
  }
  ExpectAllOnce();
  EXPECT_FALSE(life->shard->failure());
}

TEST_F(ShuffleTest, TheNextOwnerDoesForAnEmptiedTargetWhatTheInputStillHas) {
  Send({{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}});
  Send({{5, "a"}, {6, "b"}, {7, "c"}, {8, "d"}});
  {
    const auto first = StartLife();
    EXPECT_TRUE(Eventually([&] { return AllRead(); }));
  }
  TrimTarget(1);
  Send({{9, "a"}, {2, "b"}, {10, "c"}, {11, "d"}});
  const auto second = StartLife();
  EXPECT_TRUE(Eventually([&] { return AllRead(); }));
  ExpectAllOnce();
  EXPECT_EQ(targets_[0].messages, 3U) << "it had its messages still";
  EXPECT_GE(targets_[1].messages, 4U) << "what was repeated has been dropped";
}

TEST_F(ShuffleTest, WhoWasOvertakenWritesToNoTarget) {
  const auto zombie = NewLife();
  zombie->streams.faults().Add(
      {.kind = FaultKind::kUnavailable, .operation = "Read", .about = kIn, .times = -1});
  zombie->shard->Start();
  EXPECT_TRUE(Eventually([&] { return zombie->shard->started(); }));
  Send({{1, "a"}, {2, "b"}, {3, "c"}});
  Send({{2, "b"}, {4, "d"}});
  const auto owner = StartLife();
  EXPECT_TRUE(Eventually([&] { return AllRead(); }));
  zombie->streams.faults().Clear();
  EXPECT_TRUE(Eventually([&] { return zombie->shard->failure().has_value(); }));
  EXPECT_EQ(zombie->shard->failure()->code, "conflict");
  Send({{5, "a"}, {4, "b"}});
  EXPECT_TRUE(Eventually([&] { return AllRead(); }));
  EXPECT_FALSE(owner->shard->failure());
  ExpectAllOnce();
  for (const Target& target : targets_) EXPECT_EQ(target.messages, 3U);
}

TEST_F(ShuffleTest, APartOfAMessageIsDoneAgain) {
  std::vector<Row> rows;
  std::mt19937_64 random(5);
  for (std::int64_t id = 0; id < 160; ++id) {
    std::string note(400, 'x');
    for (char& c : note) c = static_cast<char>('!' + random() % 90);
    rows.push_back({id, fmt::format("user {}", random() % 12), note});
  }
  Send({{1000, "a"}});
  Send(rows);
  server_.SetMaxPayload(6000);
  {
    const auto dying = NewLife();
    // All of the first message, the first part for each target and the second one for one.
    dying->streams.faults().Add({.kind = FaultKind::kUnavailable,
                                 .operation = "Publish",
                                 .about = kTargets,
                                 .skip = 2 * kShards + 1,
                                 .times = -1});
    dying->shard->Start();
    EXPECT_TRUE(Eventually([&] { return Read(0).messages == 3; }));
  }
  EXPECT_EQ(targets_[0].input, 1U);
  const auto next = StartLife();
  EXPECT_TRUE(Eventually([&] { return AllRead(); }));
  ExpectAllOnce();
}

// Processes that die at any publish, answers that get lost, readers that trim what they have: in
// the end each record is in its target, once.
TEST_F(ShuffleTest, LawNothingIsLostOrTwiceWhateverDies) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    for (std::uint64_t left = random() % 4; left > 0; --left) SendRandom(random);
    {
      const auto dying = NewLife();
      dying->streams.faults().Add(
          {.kind = random() % 3 == 0 ? FaultKind::kLostAnswer : FaultKind::kUnavailable,
           .operation = "Publish",
           .about = random() % 4 == 0 ? "" : kTargets,
           .skip = static_cast<int>(random() % 12),
           .times = -1});
      dying->shard->Start();
      for (std::uint64_t left = random() % 3; left > 0; --left) SendRandom(random);
      const std::size_t some = random() % 8;
      const Clock::Time moment = testing::In(std::chrono::milliseconds(random() % 4));
      Eventually([&] {
        return server_.Messages(TargetStream(0)).size() >= some || SystemClock().Now() >= moment;
      });
    }
    if (random() % 2 == 0) TrimTarget(static_cast<std::uint32_t>(random() % kShards), random() % 3);
    if (seed % 5 != 0) continue;
    const auto life = StartLife();
    ASSERT_TRUE(Eventually([&] { return AllRead(); }));
    ASSERT_FALSE(life->shard->failure());
  }
  ExpectAllOnce();
}

}  // namespace
}  // namespace penstock::transform
