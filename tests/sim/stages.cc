#include "sim/stages.h"

#include <set>

#include <gtest/gtest.h>

#include "base/patience.h"
#include "base/thread.h"
#include "base/wait.h"
#include "ingestor/ingestor.h"
#include "ingestor/partition_starts.h"
#include "ingestor/sink_view.h"
#include "ingestor/stream_watch.h"
#include "protocol/names.h"
#include "sim/record_source.h"
#include "sim/table.h"
#include "sink/shard_writer.h"
#include "stage/shard_set.h"
#include "stage/sharing.h"
#include "transform/shard_transformer.h"

namespace penstock::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kDrainLimit = seconds(2);

PlannedField IdField() {
  return {.name = "id",
          .type = FieldType::kInt64,
          .declared_type = "int64",
          .physical = PhysicalType::kInt64,
          .default_json = {}};
}

SourcePlan SourcePlanOf(const World& world) {
  SourcePlan plan;
  plan.source_id = "s";
  plan.fingerprints = {1, 1};
  plan.fields.push_back(IdField());
  if (world.shape.transforms) plan.route_key = {"id"};
  return plan;
}

TransformPlan TransformPlanOf() {
  TransformPlan plan;
  plan.source_id = "s";
  plan.filter = kFilter;
  plan.dedup_key = {"id"};
  plan.dedup_window = std::chrono::hours(1);
  plan.input = plan.output = {IdField()};
  plan.fingerprints = {1, 2};
  return plan;
}

ingestor::Worker::Options WorkerOptions(const World& world, const Setup& setup) {
  ingestor::Worker::Options options;
  options.name = "worker";
  options.shards = world.shape.shards;
  options.output.pipeline_id = World::kPipeline;
  options.output.shards = world.shape.shards;
  options.output.dead_letter_subject = protocol::DeadLetterSubject(World::kPipeline, "ingestor");
  options.output.fingerprints = {1, 1};
  options.output.columns = SourcePlanOf(world).fields;
  options.output.target_bytes = setup.batch_bytes;
  options.output.max_delay = setup.batch_delay;
  return options;
}

stage::Sharing SharingOf(const Setup& setup, const std::string& replica) {
  return {.replica_name = setup.leases ? replica : "", .times = {}, .replica = {}};
}

}  // namespace

Life::Life(World& world, Network& network, const Setup& setup, Stage stage, std::string replica)
    : world_(world),
      network_(network),
      setup_(setup),
      stage_(stage),
      replica_(std::move(replica)),
      process_(network),
      streams_(process_, world),
      bucket_(process_, world.bucket) {
  thread_ = StartThread(replica_, [this](std::stop_token stop) {
    const Status ran = Run(std::move(stop));
    ended_ = true;
    if (process_.alive() && !ran.ok()) {
      // Only another life may end one; or what an earlier one of the same name said last, too late.
      static const std::set<std::string_view> kFine = {kStopped.code, "conflict", "name_taken"};
      EXPECT_TRUE(kFine.contains(ran.error().code)) << replica_ << ": " << ran.error().detail;
    }
  });
}

Life::~Life() {
  if (!process_.alive()) streams_.Hangup();
  thread_.request_stop();
  thread_.join();
}

void Life::Kill() {
  process_.Kill();
}

Status Life::Run(std::stop_token stop) {
  switch (stage_) {
    case Stage::kIngestor:
      return RunIngestor(std::move(stop));
    case Stage::kTransform:
      return RunTransform(std::move(stop));
    case Stage::kSink:
      return RunSink(std::move(stop));
  }
  return Done{};
}

Status Life::RunIngestor(std::stop_token stop) {
  Metrics registry;
  Health health;
  ingestor::IngestorMetrics metrics(registry, "s", "t");
  const std::uint32_t shards = world_.shape.shards;
  ingestor::CommitTracker tracker(shards);
  ingestor::SinkView sinks(bucket_, shards, "s", tracker, SystemClock());
  PENSTOCK_RETURN_IF_ERROR(sinks.Start(stop));
  auto member = world_.kafka.Join(20);
  RecordSource source(process_, *member, [&] { world_.CheckCommits(); });
  ingestor::StreamWatch watch(world_.StreamsOf(protocol::Hop::kIn), World::DeadLetterStream(),
                              {.streams = streams_, .tracker = tracker, .metrics = metrics});
  watch.Look();
  const std::jthread looking = StartThread("streams", [&](std::stop_token ending) {
    while (WaitUntil(SystemClock().Now() + seconds(1), ending)) watch.Look();
  });
  std::vector<std::unique_ptr<ingestor::Worker>> workers;
  for (int i = 0; i < 2; ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(auto reader, ingestor::RecordReader::Make(
                                               {.plan = SourcePlanOf(world_), .shards = shards}));
    workers.push_back(std::make_unique<ingestor::Worker>(
        WorkerOptions(world_, setup_), std::move(reader),
        ingestor::ShardOutput::Parts{streams_, tracker, sinks, SystemClock(), metrics, nullptr,
                                     &watch}));
  }
  ingestor::PartitionStarts starts(
      {.source_id = "s",
       .topic = "t",
       .initial_offset = {},
       .streams = World::NamesOf(world_.StreamsOf(protocol::Hop::kIn))},
      {.source = source,
       .fetch = [&](std::int32_t partition, Offset offset,
                    Clock::Time) { return source.Fetch(world_.kafka, partition, offset); },
       .bucket = bucket_,
       .streams = streams_,
       .tracker = tracker,
       .clock = SystemClock(),
       .metrics = metrics});
  ingestor::Ingestor ingestor(
      {.queue_bytes = 2000, .commit_interval = seconds(1), .drain_limit = kDrainLimit},
      {source, workers, tracker, starts, SystemClock(), metrics, health});
  const Status ran = ingestor.Run(std::move(stop));
  if (!process_.alive()) {
    world_.Bury(std::move(member));
    network_.After(seconds(5 + Below(30)), [&world = world_] { world.EndOldestSession(); });
  }
  return ran;
}

Status Life::EnsureStreams(std::initializer_list<protocol::Hop> hops, ShardId shard) {
  for (const protocol::Hop hop : hops) {
    const auto ensured = streams_.Ensure(world_.StreamsOf(hop).at(shard.rep()));
    if (!ensured.ok()) return ensured.error();
  }
  return Done{};
}

Status Life::RunTransform(std::stop_token stop) {
  Metrics registry;
  Health health;
  const std::uint32_t shards = world_.shape.shards;
  const stage::Sharing sharing = SharingOf(setup_, replica_);
  transform::TransformMetrics metrics(registry, stage::PossibleShards(sharing, shards), "s");
  ByteBudget memory(1 << 20);
  const auto make = [&](ShardId shard) -> Result<std::unique_ptr<stage::OwnedShard>> {
    PENSTOCK_RETURN_IF_ERROR(
        EnsureStreams({protocol::Hop::kIn, protocol::Hop::kOut, protocol::Hop::kKeys}, shard));
    PENSTOCK_ASSIGN_OR_RETURN(auto transformer,
                              transform::ShardTransformer::Make(
                                  {.pipeline_id = World::kPipeline,
                                   .shard = shard,
                                   .shards = shards,
                                   .input = {1, 1},
                                   .plan = TransformPlanOf()},
                                  {streams_, streams_, bucket_, memory, SystemClock(), metrics},
                                  std::make_unique<DiskStore>(world_.disks[{replica_, shard}])));
    return std::unique_ptr<stage::OwnedShard>(std::move(transformer));
  };
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto ownership,
      stage::MakeOwnership(sharing, "transform", shards,
                           {bucket_, [] { return Status(Done{}); }, SystemClock(), registry}));
  stage::ShardSet set({.stage = "transform", .drain_limit = kDrainLimit},
                      {*ownership, make, {}, SystemClock(), health, registry});
  return set.Run(std::move(stop));
}

Status Life::RunSink(std::stop_token stop) {
  Metrics registry;
  Health health;
  const std::uint32_t shards = world_.shape.shards;
  const auto hop = world_.shape.transforms ? protocol::Hop::kOut : protocol::Hop::kIn;
  sink::SinkMetrics metrics(registry, SystemClock());
  Table table(process_, world_.table);
  sink::InsertPool pool({.converters = 1, .queue_limit = 2 * shards},
                        {table, SystemClock(), metrics});
  const auto make = [&](ShardId shard) -> Result<std::unique_ptr<stage::OwnedShard>> {
    PENSTOCK_RETURN_IF_ERROR(EnsureStreams({hop}, shard));
    return std::unique_ptr<stage::OwnedShard>(std::make_unique<sink::ShardWriter>(
        sink::ShardWriter::Options{
            .pipeline_id = World::kPipeline,
            .shard = shard,
            .shards = shards,
            .stream = protocol::StreamName(World::kPipeline, hop, shard),
            .dead_letter_subject = protocol::DeadLetterSubject(World::kPipeline, "sink"),
            .fingerprints = {1, 1},
            .limits = {.rows = setup_.block_rows, .message_bytes = 1 << 20, .body_bytes = 1 << 20},
            .max_delay = setup_.block_delay,
            .held_bytes = 1 << 20,
            .blocks_in_flight = 2},
        sink::ShardWriter::Parts{streams_, streams_, bucket_, pool, SystemClock(), metrics}));
  };
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto ownership,
      stage::MakeOwnership(SharingOf(setup_, replica_), "sink", shards,
                           {bucket_, [] { return Status(Done{}); }, SystemClock(), registry}));
  stage::ShardSet set({.stage = "sink", .drain_limit = kDrainLimit},
                      {*ownership, make, {}, SystemClock(), health, registry});
  return set.Run(std::move(stop));
}

}  // namespace penstock::sim
