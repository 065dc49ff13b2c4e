#include "sink/build.h"

#include <algorithm>
#include <cmath>

#include "base/cpu_limit.h"
#include "base/thread.h"
#include "base/wait.h"
#include "config/planner.h"
#include "jetstream/connection.h"
#include "protocol/names.h"
#include "sink/clickhouse_table.h"
#include "sink/insert_pool.h"
#include "sink/shard_writer.h"
#include "sink/sink_metrics.h"
#include "stage/nats.h"
#include "stage/shard_set.h"
#include "stage/shard_streams.h"
#include "stage/sharing.h"
#include "telemetry/log.h"

namespace penstock::sink {

namespace {

// Messages in memory, over all shards: with the blocks being made of them (and their inserted form)
// a process stays under 512 MiB.
constexpr std::size_t kHeldBytes = 160 << 20;
constexpr std::size_t kBlocksInFlight = 2;
constexpr auto kDrainLimit = std::chrono::seconds(25);

// The scaling rule that operators know: two CPUs are left to reading and the network.
std::size_t Converters(const process::ServiceContext& context) {
  if (context.options.workers > 0) return context.options.workers;
  return static_cast<std::size_t>(std::max(1.0, std::floor(CpuLimit()) - 2));
}

void TellGuarantee(const clickhouse::TableDescription& table, SinkMetrics& metrics) {
  const clickhouse::DedupGuarantee guarantee = clickhouse::GuaranteeOf(table);
  metrics.Guarantee(guarantee.exactly_once);
  Log(guarantee.exactly_once ? LogLevel::kInfo : LogLevel::kWarn, guarantee.sentence,
      {{"table", table.table}, {"engine", table.engine}, {"remedy", guarantee.alter}});
}

// How often the table is measured; the first time soon, so that a start shows it.
constexpr auto kMeasureInterval = std::chrono::seconds(60);
constexpr auto kFirstMeasure = std::chrono::seconds(10);

void MeasureTable(ClickHouseTable& table, InsertPool& pool, SinkMetrics& metrics,
                  const Clock& clock, std::stop_token stop) {
  for (auto over = kFirstMeasure; WaitUntil(clock.Now() + over, stop); over = kMeasureInterval) {
    const auto pace = table.MeasurePace(over, stop);
    // What keeps it from being measured keeps inserts from going in too, and is said there.
    if (!pace.ok()) continue;
    metrics.Pace(pace.value().parts_per_second, pace.value().memory);
    pool.PartsMeasured(pace.value().parts_per_second * static_cast<double>(over.count()));
  }
}

ShardWriter::Options WriterOptions(const PipelineSpec& spec, const PipelinePlan& plan,
                                   ShardId shard, std::size_t shards) {
  const std::size_t held = kHeldBytes / shards;
  return {.pipeline_id = spec.pipeline_id,
          .shard = shard,
          .shards = spec.resources.shards,
          .stream = protocol::StreamName(spec.pipeline_id, plan.sink_hop, shard),
          .dead_letter_subject = protocol::DeadLetterSubject(spec.pipeline_id, "sink"),
          .fingerprints = plan.sources.front().fingerprints,
          .limits = {.rows = spec.sink.max_batch_rows,
                     .message_bytes = held / kBlocksInFlight,
                     .body_bytes = spec.sink.max_batch_bytes},
          .max_delay = spec.sink.max_delay,
          .held_bytes = held,
          .blocks_in_flight = kBlocksInFlight};
}

}  // namespace

Status BuildAndRun(const process::ServiceContext& context) {
  const PipelineSpec& spec = context.pipeline;
  const PipelinePlan plan = config::MakePlan(spec);
  const stage::Sharing sharing{
      .replica_name = context.options.replica_name,
      .times = {context.options.lease_heartbeat, context.options.lease_timeout},
      .replica = {context.options.replica, context.options.replicas}};
  const auto possible = stage::PossibleShards(sharing, spec.resources.shards);
  if (possible.empty()) {
    Log(LogLevel::kWarn, "More replicas than shards: this one has nothing to do.");
    WaitUntil(Clock::Time::max(), context.stop);
    return Done{};
  }
  SinkMetrics metrics(context.metrics, context.clock);
  PENSTOCK_ASSIGN_OR_RETURN(const auto nats,
                            stage::ConnectNats(spec, context.options.nats, "sink", context.health,
                                               context.clock, context.stop));
  PENSTOCK_ASSIGN_OR_RETURN(const auto bucket,
                            stage::OpenBucket(*nats, spec, context.clock, context.stop));
  ClickHouseTable table({.sink = spec.sink, .plan = plan, .pipeline_id = spec.pipeline_id},
                        context.clock, [&](const clickhouse::TableDescription& description) {
                          TellGuarantee(description, metrics);
                        });
  const Gauge hosts_well = context.metrics.AddGauge(
      "penstock_sink_hosts_well", "Hosts of ClickHouse that answered the last request to them.");
  const auto hosts_collector =
      context.metrics.OnScrape([&] { hosts_well.Set(table.hosts().well()); });
  InsertPool pool(
      {.converters = Converters(context), .queue_limit = possible.size() * kBlocksInFlight},
      {.table = table, .clock = context.clock, .metrics = metrics});
  const std::jthread measuring = StartThread("measure", [&](std::stop_token stop) {
    MeasureTable(table, pool, metrics, context.clock, std::move(stop));
  });
  const auto make = [&](ShardId shard) -> Result<std::unique_ptr<stage::OwnedShard>> {
    PENSTOCK_RETURN_IF_ERROR(stage::EnsureBucket(*nats, spec));
    PENSTOCK_RETURN_IF_ERROR(stage::EnsureStreams(nats->streams(), spec, {plan.sink_hop}, {shard}));
    return std::unique_ptr<stage::OwnedShard>(
        std::make_unique<ShardWriter>(WriterOptions(spec, plan, shard, possible.size()),
                                      ShardWriter::Parts{.streams = nats->streams(),
                                                         .publisher = nats->publisher(),
                                                         .bucket = *bucket,
                                                         .pool = pool,
                                                         .clock = context.clock,
                                                         .metrics = metrics}));
  };
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto ownership,
      stage::MakeOwnership(sharing, "sink", spec.resources.shards,
                           {.bucket = *bucket,
                            .make_bucket = [&] { return stage::EnsureBucket(*nats, spec); },
                            .clock = context.clock,
                            .metrics = context.metrics}));
  stage::ShardSet shards({.stage = "sink", .drain_limit = kDrainLimit},
                         {.ownership = *ownership,
                          .make = make,
                          .given_up = {},
                          .clock = context.clock,
                          .health = context.health,
                          .metrics = context.metrics});
  return shards.Run(context.stop);
}

}  // namespace penstock::sink
