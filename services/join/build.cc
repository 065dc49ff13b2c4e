#include "join/build.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/byte_budget.h"
#include "base/patience.h"
#include "base/wait.h"
#include "config/planner.h"
#include "jetstream/connection.h"
#include "join/shard_joiner.h"
#include "protocol/names.h"
#include "stage/division.h"
#include "stage/nats.h"
#include "stage/shard_loop.h"
#include "stage/shard_streams.h"
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

std::int64_t Milliseconds(std::chrono::nanoseconds window) {
  return std::chrono::ceil<std::chrono::milliseconds>(window).count();
}

// A damaged store is taken away: its shard takes in the kept messages again.
Result<std::unique_ptr<state::RowStore>> OpenStore(const process::ServiceContext& context,
                                                   const state::RocksRowStore::Options& options,
                                                   ShardId shard, JoinMetrics& metrics) {
  PENSTOCK_ASSIGN_OR_RETURN(
      auto opened, WithPatience(
                       context.clock, context.stop,
                       [&](const Error& error) { metrics.StoreFailed(shard, error); },
                       [&] {
                         return state::OpenOrReplace<state::RocksRowStore>(
                             options,
                             [&](const Error& error) { metrics.StoreDamaged(shard, error); });
                       }));
  return std::unique_ptr<state::RowStore>(std::move(opened));
}

}  // namespace

Status BuildAndRun(const process::ServiceContext& context, const JoinOptions& options) {
  const PipelineSpec& spec = context.pipeline;
  const PipelinePlan plan = config::MakePlan(spec);
  const auto owned = stage::OwnedShards({context.options.replica, context.options.replicas},
                                        spec.resources.shards);
  if (!plan.join || owned.empty()) {
    Log(LogLevel::kWarn, plan.join ? "More replicas than shards: this one has nothing to do."
                                   : "The pipeline has no join: nothing to do.");
    WaitUntil(Clock::Time::max(), context.stop);
    return Done{};
  }
  JoinMetrics metrics(context.metrics, owned);
  PENSTOCK_ASSIGN_OR_RETURN(const auto nats,
                            stage::ConnectNats(spec, context.options.nats, "join", context.health,
                                               context.clock, context.stop));
  PENSTOCK_RETURN_IF_ERROR(stage::EnsureStreams(nats->streams(), spec,
                                                {Hop::kLeft, Hop::kRight, Hop::kOut}, owned,
                                                context.clock, context.stop));
  PENSTOCK_ASSIGN_OR_RETURN(const auto bucket,
                            stage::OpenBucket(*nats, spec, context.clock, context.stop));
  ByteBudget memory(kHeldBytes);
  const state::StoreResources resources(kPageCacheBytes);
  const auto folder =
      std::filesystem::path(options.state_dir) / protocol::PipelineToken(spec.pipeline_id) / "join";
  std::vector<std::unique_ptr<stage::OwnedShard>> shards;
  for (const ShardId shard : owned) {
    PENSTOCK_ASSIGN_OR_RETURN(
        auto store,
        OpenStore(context,
                  {.folder = folder / fmt::format("{}", shard.rep()),
                   .left_window_ms = Milliseconds(plan.join->left.window),
                   .right_window_ms = Milliseconds(plan.join->right.window),
                   .resources = &resources,
                   .young_bytes = std::min(kMostYoungBytes, kYoungBytes / owned.size())},
                  shard, metrics));
    PENSTOCK_ASSIGN_OR_RETURN(auto joiner,
                              ShardJoiner::Make({.pipeline_id = spec.pipeline_id,
                                                 .shard = shard,
                                                 .shards = spec.resources.shards,
                                                 .plan = *plan.join,
                                                 .held_bytes = kInboxBytes / owned.size() / 2},
                                                {.streams = nats->streams(),
                                                 .publisher = nats->publisher(),
                                                 .bucket = *bucket,
                                                 .memory = memory,
                                                 .clock = context.clock,
                                                 .metrics = metrics},
                                                std::move(store)));
    shards.push_back(std::move(joiner));
  }
  stage::ShardLoop loop("join",
                        {.shards = shards, .clock = context.clock, .health = context.health});
  return loop.Run(context.stop);
}

}  // namespace penstock::join
