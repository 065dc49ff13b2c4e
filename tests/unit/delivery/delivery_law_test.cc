#include <cstdlib>
#include <functional>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/wait.h"
#include "ingestor/ingestor.h"
#include "ingestor/sink_view.h"
#include "json/dead_letter_json.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "sink/shard_writer.h"
#include "support/fake_key_value.h"
#include "support/fake_record_source.h"
#include "support/fake_streams.h"
#include "support/fake_table.h"

namespace penstock {
namespace {

using testing::FakeKafka;
using testing::FakeKeyValue;
using testing::FakeRecordSource;
using testing::FakeStreams;
using testing::FakeTable;

constexpr std::uint32_t kShards = 3;
constexpr std::int32_t kPartitions = 4;
const std::string kPipeline = "orders";

SourcePlan Plan() {
  SourcePlan plan;
  plan.source_id = "s";
  plan.fingerprints = {1, 1};
  plan.fields.push_back({.name = "id",
                         .type = FieldType::kInt64,
                         .declared_type = "int64",
                         .physical = PhysicalType::kInt64,
                         .default_json = {}});
  return plan;
}

// Found by the sink, and by the server alone.
bool IsUnconvertible(std::int64_t id) {
  return id % 61 == 3;
}
bool IsRefused(std::int64_t id) {
  return id % 83 == 5;
}

/// Both stages in one process over servers in memory. Each stage can die and be started again.
class World {
 public:
  explicit World(std::uint64_t seed) : table_(seed), random_(seed) {
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      Ensure(protocol::StreamName(kPipeline, protocol::Hop::kIn, ShardId(shard)),
             protocol::Subject(kPipeline, protocol::Hop::kIn, ShardId(shard)));
    }
    Ensure(protocol::DeadLetterStream(kPipeline), "penstock." + kPipeline + ".dlq.>");
    table_.Set({.unconvertible = IsUnconvertible,
                .refused = IsRefused,
                .partitions = 9,
                .partition_limit = 4,
                .busy = 12,
                .no_memory = 15,
                .lost = 12});
  }

  /// One record in 20 is no JSON, and some rows are nothing for the table.
  void Produce(std::size_t records) {
    for (std::size_t i = 0; i < records; ++i) {
      const std::int64_t id = produced_++;
      const auto partition = static_cast<std::int32_t>(random_() % kPartitions);
      // Gaps, so that offsets spread over the shards' runs.
      if (random_() % 50 == 0)
        kafka_.AppendGap(partition, static_cast<std::int64_t>(random_() % 4000));
      const bool poison = id % 20 == 7;
      const bool bad = poison || IsUnconvertible(id) || IsRefused(id);
      (bad ? bad_ : good_).insert(id);
      kafka_.Append(partition, {.value = poison ? fmt::format("{} is no JSON", id)
                                                : fmt::format("{{\"id\":{}}}", id)});
    }
  }

  class IngestorLife;
  class SinkLife;

  FakeKafka& kafka() { return kafka_; }
  FakeTable& table() { return table_; }
  const std::set<std::int64_t>& good() const { return good_; }

  ShardRecord Record(std::uint32_t shard) {
    const auto entry = bucket_.Get(protocol::ShardRecordKey(ShardId(shard)));
    return entry.ok() && entry.value() ? protocol::DecodeShardRecord(entry.value()->value).value()
                                       : ShardRecord{};
  }
  Account TotalAccount() {
    Account total;
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      for (const auto& [origin, progress] : Record(shard).progress) total += progress.account;
    }
    return total;
  }
  /// The originals of the dead letters, each once.
  std::set<std::string> DeadLetters() {
    std::set<std::string> letters;
    for (const auto& message : streams_.Messages(protocol::DeadLetterStream(kPipeline))) {
      for (std::size_t at = 0; at < message.data.size();) {
        const std::size_t end = message.data.find('\n', at);
        const auto letter =
            json::ParseDeadLetter(std::string_view(message.data).substr(at, end - at));
        EXPECT_TRUE(letter.ok());
        letters.insert(letter.value().original_message);
        at = end + 1;
      }
    }
    return letters;
  }
  std::size_t bad() const { return bad_.size(); }

 private:
  void Ensure(const std::string& stream, const std::string& subject) {
    EXPECT_TRUE(streams_.Ensure({.name = stream, .subjects = {subject}}).ok());
  }

  FakeKafka kafka_{kPartitions, "t"};
  FakeStreams streams_;
  FakeKeyValue bucket_;
  FakeTable table_;
  std::mt19937_64 random_;
  std::int64_t produced_ = 0;
  std::set<std::int64_t> good_;
  std::set<std::int64_t> bad_;
};

class World::IngestorLife {
 public:
  IngestorLife(World& world, std::uint64_t seed)
      : streams_(world.streams_),
        bucket_(world.bucket_),
        source_(world.kafka_.Join(50)),
        tracker_(kShards),
        sinks_(bucket_, kShards, "s", tracker_, SystemClock()),
        metrics_(registry_, "t") {
    streams_.faults().Roll(seed, 0.02, 0.05);
    EXPECT_TRUE(sinks_.Start({}).ok());
    for (int i = 0; i < 2; ++i) {
      ingestor::Worker::Options options;
      options.name = "worker";
      options.shards = kShards;
      options.origin = {"s", "t", 0, 1, 1};
      options.output.pipeline_id = kPipeline;
      options.output.shards = kShards;
      options.output.dead_letter_subject = protocol::DeadLetterSubject(kPipeline, "ingestor");
      options.output.fingerprints = {1, 1};
      options.output.columns = Plan().fields;
      options.output.target_bytes = 2000;
      options.output.max_delay = std::chrono::milliseconds(2);
      auto reader = ingestor::RecordReader::Make({.plan = Plan(), .shards = kShards});
      workers_.push_back(std::make_unique<ingestor::Worker>(
          options, std::move(reader).value(),
          ingestor::ShardOutput::Parts{streams_, tracker_, sinks_, SystemClock(), metrics_}));
    }
    ingestor_.emplace(
        ingestor::Ingestor::Options{.topic = "t",
                                    .initial_offset = {},
                                    .queue_bytes = 4000,
                                    .commit_interval = std::chrono::milliseconds(3),
                                    .drain_limit = {}},
        ingestor::Ingestor::Parts{*source_, workers_, tracker_, SystemClock(), metrics_, health_});
    thread_ = std::jthread([this](std::stop_token stop) {
      const Status ran = ingestor_->Run(stop);
      EXPECT_TRUE(ran.ok()) << ran.error().detail;
    });
  }
  // Dies: nothing that it still held reaches JetStream.
  ~IngestorLife() {
    streams_.faults().Add({.kind = testing::FaultKind::kUnavailable,
                           .operation = "Publish",
                           .about = {},
                           .skip = 0,
                           .times = -1});
    thread_.request_stop();
    thread_.join();
    workers_.clear();
  }

 private:
  FakeStreams streams_;
  FakeKeyValue bucket_;
  std::unique_ptr<FakeRecordSource> source_;
  ingestor::CommitTracker tracker_;
  ingestor::SinkView sinks_;
  Metrics registry_;
  ingestor::IngestorMetrics metrics_;
  Health health_;
  std::vector<std::unique_ptr<ingestor::Worker>> workers_;
  std::optional<ingestor::Ingestor> ingestor_;
  std::jthread thread_;
};

class World::SinkLife {
 public:
  SinkLife(World& world, std::uint64_t seed)
      : streams_(world.streams_),
        bucket_(world.bucket_),
        metrics_(registry_, SystemClock(), kShards),
        pool_({.converters = 1, .queue_limit = 16, .first_retry = std::chrono::milliseconds(1)},
              {world.table_, SystemClock(), metrics_}) {
    bucket_.faults().Roll(seed, 0.002, 0.05);
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      writers_.push_back(std::make_unique<sink::ShardWriter>(
          sink::ShardWriter::Options{
              .pipeline_id = kPipeline,
              .shard = ShardId(shard),
              .shards = kShards,
              .stream = protocol::StreamName(kPipeline, protocol::Hop::kIn, ShardId(shard)),
              .dead_letter_subject = protocol::DeadLetterSubject(kPipeline, "sink"),
              .fingerprints = {1, 1},
              .limits = {.rows = seed % 90 + 10, .message_bytes = 1 << 20, .body_bytes = 1 << 20},
              .max_delay = std::chrono::milliseconds(2),
              .held_bytes = 1 << 20,
              .blocks_in_flight = 2,
              .trim_interval = std::chrono::milliseconds(5)},
          sink::ShardWriter::Parts{streams_, streams_, bucket_, pool_, SystemClock(), metrics_}));
      writers_.back()->Start();
    }
  }
  ~SinkLife() {
    for (const auto& writer : writers_) {
      EXPECT_FALSE(writer->failure()) << writer->failure()->detail;
      writer->FinishDrain(Clock::Time::min());
    }
    pool_.Stop();
  }

 private:
  FakeStreams streams_;
  FakeKeyValue bucket_;
  Metrics registry_;
  sink::SinkMetrics metrics_;
  sink::InsertPool pool_;
  std::vector<std::unique_ptr<sink::ShardWriter>> writers_;
};

bool WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const Clock::Time deadline = SystemClock().Now() + limit;
  while (!condition() && SystemClock().Now() < deadline) {
    WaitUntil(SystemClock().Now() + std::chrono::milliseconds(1), {});
  }
  return condition();
}

// The promise of the whole: whichever process dies at whatever moment, every record ends up exactly
// once as a row or a dead letter, the account says so, and Kafka's lag ends at zero.
TEST(DeliveryLawTest, EveryRecordIsOneRowOrOneDeadLetterWhoeverDies) {
  const char* wanted = std::getenv("PENSTOCK_DELIVERY_SEEDS");
  const std::uint64_t seeds = wanted == nullptr ? 5 : std::strtoull(wanted, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    World world(seed);
    std::optional<World::IngestorLife> ingestor;
    std::optional<World::IngestorLife> second;
    std::optional<World::SinkLife> sink;
    for (int turn = 0; turn < 25; ++turn) {
      world.Produce(random() % 120);
      if (!ingestor) ingestor.emplace(world, random());
      if (!sink) sink.emplace(world, random());
      const std::uint64_t rows = world.TotalAccount()[Outcome::kRow];
      WaitFor([&] { return world.TotalAccount()[Outcome::kRow] >= rows + 20; },
              std::chrono::milliseconds(random() % 30));
      switch (random() % 4) {
        case 0:
          ingestor.reset();
          break;
        case 1:
          sink.reset();
          break;
        case 2:
          second.emplace(world, random());  // A rebalance, in the middle of everything.
          break;
        default:
          second.reset();
      }
    }
    if (!ingestor) ingestor.emplace(world, 0);
    if (!sink) sink.emplace(world, 0);
    ASSERT_TRUE(WaitFor([&] { return world.kafka().Lag() == 0; }, std::chrono::seconds(30)))
        << world.kafka().Lag();

    const auto rows = world.table().Rows();
    EXPECT_EQ(rows.size(), world.good().size());
    for (const auto& [id, times] : rows) EXPECT_EQ(times, 1) << "row " << id;
    const Account account = world.TotalAccount();
    EXPECT_EQ(account[Outcome::kRow], world.good().size());
    EXPECT_EQ(account[Outcome::kDeadLetter], world.bad());
    EXPECT_EQ(world.DeadLetters().size(), world.bad());
  }
}

}  // namespace
}  // namespace penstock
