#include "transform/build.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/byte_budget.h"
#include "base/wait.h"
#include "config/planner.h"
#include "jetstream/connection.h"
#include "protocol/names.h"
#include "stage/nats.h"
#include "stage/shard_set.h"
#include "stage/shard_streams.h"
#include "stage/sharing.h"
#include "state/open_store.h"
#include "state/rocks_key_store.h"
#include "state/store_resources.h"
#include "telemetry/log.h"
#include "transform/choose_plan.h"
#include "transform/shard_transformer.h"
#include "transform/transform_metrics.h"

namespace penstock::transform {

namespace {

using protocol::Hop;

// Messages in hand, over all shards, in and out: a process stays under 512 MiB with its stores.
constexpr std::size_t kHeldBytes = 128 << 20;
// Of the dedup stores: pages with the keys of recent duplicates.
constexpr std::size_t kPageCacheBytes = 64 << 20;
// Of the message in hand.
constexpr auto kDrainLimit = std::chrono::seconds(25);

// The streams of the shard; the outputs of all shards where rows are shuffled into them.
Status EnsureStreams(const PipelineSpec& spec, const TransformPlan& plan, ShardId shard,
                     io::Streams& streams) {
  std::vector<Hop> hops{plan.from};
  if (!plan.dedup_key.empty()) hops.push_back(plan.keys);
  if (plan.shuffle_key.empty()) hops.push_back(plan.to);
  PENSTOCK_RETURN_IF_ERROR(stage::EnsureStreams(streams, spec, hops, {shard}));
  if (plan.shuffle_key.empty()) return Done{};
  return stage::EnsureStreams(streams, spec, {plan.to},
                              stage::OwnedShards({}, spec.resources.shards));
}

// The sides of a join have a folder each.
std::filesystem::path StateFolder(const process::ServiceContext& context,
                                  const TransformOptions& options, const TransformPlan& plan) {
  auto folder = std::filesystem::path(options.state_dir) /
                protocol::PipelineToken(context.pipeline.pipeline_id);
  if (plan.keys != Hop::kKeys) folder /= protocol::ToText(plan.keys);
  return folder;
}

const SourcePlan& SourceOf(const PipelinePlan& pipeline, const TransformPlan& plan) {
  return *std::ranges::find(pipeline.sources, plan.source_id, &SourcePlan::source_id);
}

// Of a join's two transforms each has replicas of its own.
std::string StageName(const TransformPlan& plan) {
  if (plan.to == Hop::kOut) return "transform";
  return fmt::format("transform-{}", protocol::ToText(plan.to));
}

// A damaged store is taken away: its shard reads the key log from the start.
Result<std::unique_ptr<state::KeyStore>> OpenStore(const TransformPlan& plan,
                                                   const std::filesystem::path& folder,
                                                   const state::StoreResources& resources,
                                                   ShardId shard, TransformMetrics& metrics) {
  if (plan.dedup_key.empty()) return std::unique_ptr<state::KeyStore>();
  const auto window = std::chrono::ceil<std::chrono::milliseconds>(plan.dedup_window);
  const state::RocksKeyStore::Options options{.folder = folder / fmt::format("{}", shard.rep()),
                                              .window_ms = window.count(),
                                              .resources = &resources};
  auto opened = state::OpenOrReplace<state::RocksKeyStore>(
      options, [&](const Error& error) { metrics.StoreDamaged(shard, error); });
  if (opened.ok()) return std::unique_ptr<state::KeyStore>(std::move(opened).value());
  if (opened.error().remedy == Remedy::kRetry) metrics.StoreFailed(shard, opened.error());
  return std::move(opened).error();
}

}  // namespace

Status BuildAndRun(const process::ServiceContext& context, const TransformOptions& options) {
  const PipelineSpec& spec = context.pipeline;
  const PipelinePlan plan = config::MakePlan(spec);
  const stage::Sharing sharing{
      .replica_name = context.options.replica_name,
      .times = {context.options.lease_heartbeat, context.options.lease_timeout},
      .replica = {context.options.replica, context.options.replicas}};
  const auto possible = stage::PossibleShards(sharing, spec.resources.shards);
  PENSTOCK_ASSIGN_OR_RETURN(const TransformPlan* const chosen, ChoosePlan(plan, options.source));
  if (chosen == nullptr || possible.empty()) {
    Log(LogLevel::kWarn, chosen != nullptr
                             ? "More replicas than shards: this one has nothing to do."
                             : "Nothing is to be transformed: nothing to do.");
    WaitUntil(Clock::Time::max(), context.stop);
    return Done{};
  }
  TransformMetrics metrics(context.metrics, possible, chosen->source_id);
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto nats, stage::ConnectNats(spec, context.options.nats, "transform", context.health,
                                          context.clock, context.stop));
  PENSTOCK_ASSIGN_OR_RETURN(const auto bucket,
                            stage::OpenBucket(*nats, spec, context.clock, context.stop));
  ByteBudget memory(kHeldBytes);
  const state::StoreResources resources(kPageCacheBytes);
  const auto folder = StateFolder(context, options, *chosen);
  const auto make = [&](ShardId shard) -> Result<std::unique_ptr<stage::OwnedShard>> {
    PENSTOCK_RETURN_IF_ERROR(stage::EnsureBucket(*nats, spec));
    PENSTOCK_RETURN_IF_ERROR(EnsureStreams(spec, *chosen, shard, nats->streams()));
    PENSTOCK_ASSIGN_OR_RETURN(auto store, OpenStore(*chosen, folder, resources, shard, metrics));
    PENSTOCK_ASSIGN_OR_RETURN(auto transformer,
                              ShardTransformer::Make({.pipeline_id = spec.pipeline_id,
                                                      .shard = shard,
                                                      .shards = spec.resources.shards,
                                                      .input = SourceOf(plan, *chosen).fingerprints,
                                                      .plan = *chosen},
                                                     {.streams = nats->streams(),
                                                      .publisher = nats->publisher(),
                                                      .bucket = *bucket,
                                                      .memory = memory,
                                                      .clock = context.clock,
                                                      .metrics = metrics},
                                                     std::move(store)));
    return std::unique_ptr<stage::OwnedShard>(std::move(transformer));
  };
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto ownership,
      stage::MakeOwnership(sharing, StageName(*chosen), spec.resources.shards,
                           {.bucket = *bucket,
                            .make_bucket = [&] { return stage::EnsureBucket(*nats, spec); },
                            .clock = context.clock,
                            .metrics = context.metrics}));
  stage::ShardSet shards({.stage = "transform", .drain_limit = kDrainLimit},
                         {.ownership = *ownership,
                          .make = make,
                          .given_up = [&](ShardId shard) { metrics.GivenUp(shard); },
                          .clock = context.clock,
                          .health = context.health,
                          .metrics = context.metrics});
  return shards.Run(context.stop);
}

}  // namespace penstock::transform
