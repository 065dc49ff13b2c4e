#include "join/build.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/byte_budget.h"
#include "base/wait.h"
#include "config/planner.h"
#include "jetstream/connection.h"
#include "join/join_metrics.h"
#include "join/shard_joiner.h"
#include "protocol/names.h"
#include "stage/nats.h"
#include "stage/shard_set.h"
#include "stage/shard_streams.h"
#include "stage/sharing.h"
#include "state/open_store.h"
#include "state/rocks_row_store.h"
#include "state/store_resources.h"
#include "telemetry/log.h"

namespace penstock::join {

namespace {

// Messages in hand, over all shards, in and out: a process stays under 512 MiB with its stores.
constexpr std::size_t kHeldBytes = 64 << 20;
// Messages that are read ahead, over all shards and both sides.
constexpr std::size_t kInboxBytes = 24 << 20;
// Of the row stores, over all shards: rows that are not on disk yet, but for each at most so much;
// and what RocksDB keeps.
constexpr std::size_t kYoungBytes = 64 << 20;
constexpr std::size_t kMostYoungBytes = 12 << 20;
constexpr std::size_t kPageCacheBytes = 8 << 20;
// Of the message in hand.
constexpr auto kDrainLimit = std::chrono::seconds(25);

std::int64_t Milliseconds(std::chrono::nanoseconds window) {
  return std::chrono::ceil<std::chrono::milliseconds>(window).count();
}

// A damaged store is taken away: its shard takes in the kept messages again.
Result<std::unique_ptr<state::RowStore>> OpenStore(const state::RocksRowStore::Options& options,
                                                   ShardId shard, JoinMetrics& metrics) {
  auto opened = state::OpenOrReplace<state::RocksRowStore>(
      options, [&](const Error& error) { metrics.StoreDamaged(shard, error); });
  if (opened.ok()) return std::unique_ptr<state::RowStore>(std::move(opened).value());
  if (opened.error().remedy == Remedy::kRetry) metrics.StoreFailed(shard, opened.error());
  return std::move(opened).error();
}

}  // namespace

Status BuildAndRun(const process::ServiceContext& context, const JoinOptions& options) {
  const PipelineSpec& spec = context.pipeline;
  const PipelinePlan plan = config::MakePlan(spec);
  const stage::Sharing sharing{
      .replica_name = context.options.replica_name,
      .times = {context.options.lease_heartbeat, context.options.lease_timeout},
      .replica = {context.options.replica, context.options.replicas}};
  const auto possible = stage::PossibleShards(sharing, spec.resources.shards);
  if (!plan.join || possible.empty()) {
    Log(LogLevel::kWarn, plan.join ? "More replicas than shards: this one has nothing to do."
                                   : "The pipeline has no join: nothing to do.");
    WaitUntil(Clock::Time::max(), context.stop);
    return Done{};
  }
  JoinMetrics metrics(context.metrics, possible);
  PENSTOCK_ASSIGN_OR_RETURN(const auto nats,
                            stage::ConnectNats(spec, context.options.nats, "join", context.health,
                                               context.clock, context.stop));
  PENSTOCK_ASSIGN_OR_RETURN(const auto bucket,
                            stage::OpenBucket(*nats, spec, context.clock, context.stop));
  ByteBudget memory(kHeldBytes);
  const state::StoreResources resources(kPageCacheBytes);
  const auto folder =
      std::filesystem::path(options.state_dir) / protocol::PipelineToken(spec.pipeline_id) / "join";
  const auto make = [&](ShardId shard) -> Result<std::unique_ptr<stage::OwnedShard>> {
    PENSTOCK_RETURN_IF_ERROR(stage::EnsureBucket(*nats, spec));
    PENSTOCK_RETURN_IF_ERROR(
        stage::EnsureStreams(nats->streams(), spec, {Hop::kLeft, Hop::kRight, Hop::kOut}, {shard}));
    PENSTOCK_ASSIGN_OR_RETURN(
        auto store,
        OpenStore({.folder = folder / fmt::format("{}", shard.rep()),
                   .left_window_ms = Milliseconds(plan.join->left.window),
                   .right_window_ms = Milliseconds(plan.join->right.window),
                   .resources = &resources,
                   .young_bytes = std::min(kMostYoungBytes, kYoungBytes / possible.size())},
                  shard, metrics));
    PENSTOCK_ASSIGN_OR_RETURN(auto joiner,
                              ShardJoiner::Make({.pipeline_id = spec.pipeline_id,
                                                 .shard = shard,
                                                 .shards = spec.resources.shards,
                                                 .plan = *plan.join,
                                                 .held_bytes = kInboxBytes / possible.size() / 2},
                                                {.streams = nats->streams(),
                                                 .publisher = nats->publisher(),
                                                 .bucket = *bucket,
                                                 .memory = memory,
                                                 .clock = context.clock,
                                                 .metrics = metrics},
                                                std::move(store)));
    return std::unique_ptr<stage::OwnedShard>(std::move(joiner));
  };
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto ownership,
      stage::MakeOwnership(sharing, "join", spec.resources.shards,
                           {.bucket = *bucket,
                            .make_bucket = [&] { return stage::EnsureBucket(*nats, spec); },
                            .clock = context.clock,
                            .metrics = context.metrics}));
  stage::ShardSet shards({.stage = "join", .drain_limit = kDrainLimit},
                         {.ownership = *ownership,
                          .make = make,
                          .given_up = [&](ShardId shard) { metrics.GivenUp(shard); },
                          .clock = context.clock,
                          .health = context.health,
                          .metrics = context.metrics});
  return shards.Run(context.stop);
}

}  // namespace penstock::join
