#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/wait.h"
#include "ingestor/ingestor.h"
#include "ingestor/partition_starts.h"
#include "ingestor/sink_view.h"
#include "ingestor/stream_watch.h"
#include "json/dead_letter_json.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "sink/shard_writer.h"
#include "state/memory_key_store.h"
#include "support/fake_key_value.h"
#include "support/fake_record_source.h"
#include "support/fake_streams.h"
#include "support/fake_table.h"
#include "transform/shard_transformer.h"

namespace penstock {

namespace testing {

inline constexpr std::uint32_t kShards = 3;
inline constexpr std::int32_t kPartitions = 4;
inline const std::string kPipeline = "orders";

inline std::vector<ShardId> AllShards() {
  std::vector<ShardId> shards;
  for (std::uint32_t shard = 0; shard < kShards; ++shard) shards.emplace_back(shard);
  return shards;
}
inline PlannedField IdField() {
  return {.name = "id",
          .type = FieldType::kInt64,
          .declared_type = "int64",
          .physical = PhysicalType::kInt64,
          .default_json = {}};
}

// Found by the sink, and by the server alone.
inline bool IsUnconvertible(std::int64_t id) {
  return id % 61 == 3;
}
inline bool IsRefused(std::int64_t id) {
  return id % 83 == 5;
}
// The transform's filter drops these, and fails for those.
inline bool IsFiltered(std::int64_t id) {
  return id % 7 == 3;
}
inline bool FailsFilter(std::int64_t id) {
  return id % 97 == 8;
}
inline constexpr auto kFilter = "int(id) % 97 == 8 ? [1][int(id) + 5] == 0 : int(id) % 7 != 3";

/// What a dedup store on disk has been told, in order.
struct Told {
  std::vector<FirstRow> rows;
  Position log;
};
class Disk {
 public:
  void Write(std::span<const FirstRow> rows, const Position& log) {
    std::lock_guard lock(mutex_);
    told_.push_back({{rows.begin(), rows.end()}, log});
  }
  /// What is left of it when the process dies now: the beginning.
  std::vector<Told> Beginning(std::uint64_t seed) {
    std::lock_guard lock(mutex_);
    return {told_.begin(), told_.begin() + static_cast<std::ptrdiff_t>(seed % (told_.size() + 1))};
  }

 private:
  std::mutex mutex_;
  std::vector<Told> told_;  // Guarded by mutex_.
};

/// What such a store is to a process: it begins with what an earlier one has left.
class DiskStore final : public state::MemoryKeyStore {
 public:
  DiskStore(std::shared_ptr<Disk> disk, const std::vector<Told>& left) : disk_(std::move(disk)) {
    for (const Told& told : left) EXPECT_TRUE(DiskStore::Add(told.rows, told.log).ok());
  }
  Status Add(std::span<const FirstRow> rows, const Position& log) override {
    disk_->Write(rows, log);
    return MemoryKeyStore::Add(rows, log);
  }

 private:
  std::shared_ptr<Disk> disk_;
};

/// A pipeline in one process over servers in memory: ingestor and sink, or with a transform between
/// them that filters and deduplicates. Each stage can die and be started again.
class World {
 public:
  enum class Stages { kIngestorAndSink, kWithTransform };

  World(std::uint64_t seed, Stages stages)
      : transforms_(stages == Stages::kWithTransform), table_(seed), random_(seed) {
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      for (const auto hop : {protocol::Hop::kIn, protocol::Hop::kOut, protocol::Hop::kKeys}) {
        Ensure(protocol::StreamName(kPipeline, hop, ShardId(shard)),
               protocol::Subject(kPipeline, hop, ShardId(shard)));
      }
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

  /// One record in 20 is no JSON, and some rows are nothing for the filter or the table. With a
  /// transform, one in 6 repeats an earlier one, often of another partition.
  void Produce(std::size_t records) {
    for (std::size_t i = 0; i < records; ++i) {
      const bool again = transforms_ && produced_ > 0 && random_() % 6 == 0;
      const std::int64_t back = std::min<std::int64_t>(produced_, 300);
      const std::int64_t id =
          again ? produced_ - 1 -
                      static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(back))
                : produced_++;
      const auto partition = static_cast<std::int32_t>(random_() % kPartitions);
      // Gaps, so that offsets spread over the shards' runs.
      if (random_() % 50 == 0)
        kafka_.AppendGap(partition, static_cast<std::int64_t>(random_() % 4000));
      const bool poison = id % 20 == 7;
      Expect(id, poison);
      kafka_.Append(partition, {.value = poison ? fmt::format("{} is no JSON", id)
                                                : fmt::format("{{\"id\":{}}}", id)});
    }
  }

  class IngestorLife;
  class TransformLife;
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
  /// The records that became dead letters, as partition/offset.
  std::set<std::string> DeadLetters() {
    std::set<std::string> letters;
    for (const auto& message : streams_.Messages(protocol::DeadLetterStream(kPipeline))) {
      for (std::size_t at = 0; at < message.data.size();) {
        const std::size_t end = message.data.find('\n', at);
        const auto letter =
            json::ParseDeadLetter(std::string_view(message.data).substr(at, end - at));
        EXPECT_TRUE(letter.ok());
        letters.insert(
            fmt::format("{}/{}", letter.value().origin.partition, letter.value().offset.rep()));
        at = end + 1;
      }
    }
    return letters;
  }
  /// What the account must come to. Which copy of a row is the first is the pipeline's to choose.
  const Account& expected() const { return expected_; }

 private:
  void Ensure(const std::string& stream, const std::string& subject) {
    EXPECT_TRUE(streams_.Ensure({.name = stream, .subjects = {subject}}).ok());
  }

  void Expect(std::int64_t id, bool poison) {
    if (poison || (transforms_ && FailsFilter(id))) {
      ++expected_[Outcome::kDeadLetter];
    } else if (transforms_ && IsFiltered(id)) {
      ++expected_[Outcome::kFiltered];
    } else if (!passed_.insert(id).second) {
      ++expected_[Outcome::kDuplicate];
    } else if (IsUnconvertible(id) || IsRefused(id)) {
      ++expected_[Outcome::kDeadLetter];
    } else {
      ++expected_[Outcome::kRow];
      good_.insert(id);
    }
  }
  std::vector<io::StreamConfig> InConfigs() const {
    std::vector<io::StreamConfig> configs;
    for (const ShardId shard : AllShards()) {
      configs.push_back({.name = protocol::StreamName(kPipeline, protocol::Hop::kIn, shard),
                         .subjects = {protocol::Subject(kPipeline, protocol::Hop::kIn, shard)}});
    }
    return configs;
  }
  std::vector<std::string> InStreams() const {
    std::vector<std::string> names;
    for (const io::StreamConfig& config : InConfigs()) names.push_back(config.name);
    return names;
  }
  SourcePlan Plan() const {
    SourcePlan plan;
    plan.source_id = "s";
    plan.fingerprints = {1, 1};
    plan.fields.push_back(IdField());
    if (transforms_) plan.route_key = {"id"};
    return plan;
  }

  const bool transforms_;
  FakeKafka kafka_{kPartitions, "t"};
  FakeStreams streams_;
  FakeKeyValue bucket_;
  FakeTable table_;
  std::mt19937_64 random_;
  std::int64_t produced_ = 0;
  std::set<std::int64_t> good_;
  std::set<std::int64_t> passed_;
  Account expected_;
  std::array<std::shared_ptr<Disk>, kShards> disks_;  // Of each shard's last owner.
};

class World::IngestorLife {
 public:
  IngestorLife(World& world, std::uint64_t seed)
      : streams_(world.streams_),
        bucket_(world.bucket_),
        source_(world.kafka_.Join(50)),
        tracker_(kShards),
        sinks_(bucket_, kShards, "s", tracker_, SystemClock()),
        metrics_(registry_, "s", "t"),
        watch_(world.InConfigs(),
               {.name = protocol::DeadLetterStream(kPipeline),
                .subjects = {"penstock." + kPipeline + ".dlq.>"}},
               {.streams = streams_, .tracker = tracker_, .metrics = metrics_}) {
    streams_.faults().Roll(seed, 0.02, 0.05);
    EXPECT_TRUE(sinks_.Start({}).ok());
    for (int i = 0; i < 2; ++i) {
      ingestor::Worker::Options options;
      options.name = "worker";
      options.shards = kShards;
      options.output.pipeline_id = kPipeline;
      options.output.shards = kShards;
      options.output.dead_letter_subject = protocol::DeadLetterSubject(kPipeline, "ingestor");
      options.output.fingerprints = {1, 1};
      options.output.columns = world.Plan().fields;
      options.output.target_bytes = 2000;
      options.output.max_delay = std::chrono::milliseconds(2);
      auto reader = ingestor::RecordReader::Make({.plan = world.Plan(), .shards = kShards});
      workers_.push_back(std::make_unique<ingestor::Worker>(
          options, std::move(reader).value(),
          ingestor::ShardOutput::Parts{streams_, tracker_, sinks_, SystemClock(), metrics_, nullptr,
                                       &watch_}));
    }
    starts_.emplace(
        ingestor::PartitionStarts::Options{
            .source_id = "s", .topic = "t", .initial_offset = {}, .streams = world.InStreams()},
        ingestor::PartitionStarts::Parts{
            .source = *source_,
            .fetch = [&world](std::int32_t partition, Offset offset,
                              Clock::Time) { return world.kafka_.Fetch(partition, offset); },
            .bucket = bucket_,
            .streams = streams_,
            .tracker = tracker_,
            .clock = SystemClock(),
            .metrics = metrics_});
    looking_ = std::jthread([this](std::stop_token stop) {
      while (WaitUntil(SystemClock().Now() + std::chrono::milliseconds(5), stop)) watch_.Look();
    });
    ingestor_.emplace(ingestor::Ingestor::Options{.queue_bytes = 4000,
                                                  .commit_interval = std::chrono::milliseconds(3),
                                                  .drain_limit = {}},
                      ingestor::Ingestor::Parts{*source_, workers_, tracker_, *starts_,
                                                SystemClock(), metrics_, health_});
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
    looking_ = {};
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
  ingestor::StreamWatch watch_;
  std::optional<ingestor::PartitionStarts> starts_;
  std::optional<ingestor::Ingestor> ingestor_;
  std::jthread looking_;
  std::jthread thread_;
};

class World::TransformLife {
 public:
  TransformLife(World& world, std::uint64_t seed)
      : streams_(world.streams_), bucket_(world.bucket_), metrics_(registry_, AllShards(), "s") {
    streams_.faults().Roll(seed, 0.02, 0.05);
    TransformPlan plan;
    plan.source_id = "s";
    plan.filter = kFilter;
    plan.dedup_key = {"id"};
    plan.dedup_window = std::chrono::hours(1);
    plan.input = plan.output = {IdField()};
    plan.fingerprints = {1, 2};
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      const auto earlier = std::exchange(world.disks_[shard], std::make_shared<Disk>());
      auto store = std::make_unique<DiskStore>(
          world.disks_[shard], earlier ? earlier->Beginning(seed) : std::vector<Told>());
      auto made = transform::ShardTransformer::Make(
          {.pipeline_id = kPipeline,
           .shard = ShardId(shard),
           .shards = kShards,
           .input = {1, 1},
           .plan = plan,
           .trim_interval = std::chrono::milliseconds(5)},
          {streams_, streams_, bucket_, memory_, SystemClock(), metrics_}, std::move(store));
      EXPECT_TRUE(made.ok()) << made.error().detail;
      shards_.push_back(std::move(made).value());
      shards_.back()->Start();
    }
  }
  // Dies: nothing that it still held reaches JetStream.
  ~TransformLife() {
    streams_.faults().Add({.kind = testing::FaultKind::kUnavailable,
                           .operation = "Publish",
                           .about = {},
                           .skip = 0,
                           .times = -1});
    for (const auto& shard : shards_) shard->RequestStop();
    for (const auto& shard : shards_) shard->StopNow();
    for (const auto& shard : shards_) {
      // Only another life of it may end one.
      const auto failed = shard->failure();
      EXPECT_TRUE(!failed || failed->code == "conflict") << failed->detail;
    }
  }

 private:
  FakeStreams streams_;
  FakeKeyValue bucket_;
  Metrics registry_;
  transform::TransformMetrics metrics_;
  ByteBudget memory_{1 << 20};
  std::vector<std::unique_ptr<transform::ShardTransformer>> shards_;
};

class World::SinkLife {
 public:
  SinkLife(World& world, std::uint64_t seed)
      : streams_(world.streams_),
        bucket_(world.bucket_),
        metrics_(registry_, SystemClock()),
        pool_({.converters = 1, .queue_limit = 16, .first_retry = std::chrono::milliseconds(1)},
              {world.table_, SystemClock(), metrics_}) {
    bucket_.faults().Roll(seed, 0.002, 0.05);
    for (std::uint32_t shard = 0; shard < kShards; ++shard) {
      writers_.push_back(std::make_unique<sink::ShardWriter>(
          sink::ShardWriter::Options{
              .pipeline_id = kPipeline,
              .shard = ShardId(shard),
              .shards = kShards,
              .stream = protocol::StreamName(
                  kPipeline, world.transforms_ ? protocol::Hop::kOut : protocol::Hop::kIn,
                  ShardId(shard)),
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
      writer->StopNow();
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

inline bool WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const Clock::Time deadline = SystemClock().Now() + limit;
  while (!condition() && SystemClock().Now() < deadline) {
    WaitUntil(SystemClock().Now() + std::chrono::milliseconds(1), {});
  }
  return condition();
}

}  // namespace testing
}  // namespace penstock
