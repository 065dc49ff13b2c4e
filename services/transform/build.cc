#include "transform/build.h"

#include <filesystem>
#include <utility>

#include "base/byte_budget.h"
#include "base/patience.h"
#include "base/wait.h"
#include "config/planner.h"
#include "jetstream/connection.h"
#include "protocol/names.h"
#include "stage/division.h"
#include "stage/nats.h"
#include "stage/shard_streams.h"
#include "state/rocks_key_store.h"
#include "state/store_resources.h"
#include "telemetry/log.h"
#include "transform/transform.h"

namespace penstock::transform {

namespace {

using protocol::Hop;

// Messages in hand, over all shards, in and out: a process stays under 512 MiB with its stores.
constexpr std::size_t kHeldBytes = 128 << 20;
// Of the dedup stores: pages with the keys of recent duplicates.
constexpr std::size_t kPageCacheBytes = 64 << 20;

std::vector<Hop> HopsOf(const TransformPlan& plan) {
  if (plan.dedup_key.empty()) return {Hop::kIn, Hop::kOut};
  return {Hop::kIn, Hop::kOut, Hop::kKeys};
}

// A damaged store is taken away: its shard reads the key log from the start.
Result<std::unique_ptr<state::KeyStore>> OpenStore(const process::ServiceContext& context,
                                                   const TransformPlan& plan,
                                                   const std::filesystem::path& folder,
                                                   const state::StoreResources& resources,
                                                   ShardId shard, TransformMetrics& metrics) {
  if (plan.dedup_key.empty()) return std::unique_ptr<state::KeyStore>();
  const auto window = std::chrono::ceil<std::chrono::milliseconds>(plan.dedup_window);
  const state::RocksKeyStore::Options options{.folder = folder / fmt::format("{}", shard.rep()),
                                              .window_ms = window.count(),
                                              .resources = &resources};
  return WithPatience(
      context.clock, context.stop, [&](const Error& error) { metrics.StoreFailed(shard, error); },
      [&]() -> Result<std::unique_ptr<state::KeyStore>> {
        auto opened = state::RocksKeyStore::Open(options);
        if (!opened.ok() && opened.error().code == "corrupt") {
          metrics.StoreDamaged(shard, opened.error());
          PENSTOCK_RETURN_IF_ERROR(state::RocksKeyStore::Erase(options.folder));
          opened = state::RocksKeyStore::Open(options);
        }
        if (!opened.ok()) return std::move(opened).error();
        return std::unique_ptr<state::KeyStore>(std::move(opened).value());
      });
}

}  // namespace

Status BuildAndRun(const process::ServiceContext& context, const TransformOptions& options) {
  const PipelineSpec& spec = context.pipeline;
  const PipelinePlan plan = config::MakePlan(spec);
  const auto owned = stage::OwnedShards({context.options.replica, context.options.replicas},
                                        spec.resources.shards);
  if (!plan.transform || owned.empty()) {
    Log(LogLevel::kWarn, plan.transform ? "More replicas than shards: this one has nothing to do."
                                        : "The pipeline has no transform: nothing to do.");
    WaitUntil(Clock::Time::max(), context.stop);
    return Done{};
  }
  TransformMetrics metrics(context.metrics, owned);
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto nats, stage::ConnectNats(spec, context.options.nats, "transform", context.health,
                                          context.clock, context.stop));
  PENSTOCK_RETURN_IF_ERROR(stage::EnsureStreams(nats->streams(), spec, HopsOf(*plan.transform),
                                                owned, context.clock, context.stop));
  PENSTOCK_ASSIGN_OR_RETURN(const auto bucket,
                            stage::OpenBucket(*nats, spec, context.clock, context.stop));
  ByteBudget memory(kHeldBytes);
  const state::StoreResources resources(kPageCacheBytes);
  const auto folder =
      std::filesystem::path(options.state_dir) / protocol::PipelineToken(spec.pipeline_id);
  std::vector<std::unique_ptr<ShardTransformer>> shards;
  for (const ShardId shard : owned) {
    PENSTOCK_ASSIGN_OR_RETURN(
        auto store, OpenStore(context, *plan.transform, folder, resources, shard, metrics));
    PENSTOCK_ASSIGN_OR_RETURN(auto transformer,
                              ShardTransformer::Make({.pipeline_id = spec.pipeline_id,
                                                      .shard = shard,
                                                      .shards = spec.resources.shards,
                                                      .input = plan.sources.front().fingerprints,
                                                      .plan = *plan.transform},
                                                     {.streams = nats->streams(),
                                                      .publisher = nats->publisher(),
                                                      .bucket = *bucket,
                                                      .memory = memory,
                                                      .clock = context.clock,
                                                      .metrics = metrics},
                                                     std::move(store)));
    shards.push_back(std::move(transformer));
  }
  Transform transform({.shards = shards, .clock = context.clock, .health = context.health});
  return transform.Run(context.stop);
}

}  // namespace penstock::transform
