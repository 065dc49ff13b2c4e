#include "ingestor/build.h"

#include <algorithm>
#include <cmath>

#include "base/cpu_limit.h"
#include "base/thread.h"
#include "base/wait.h"
#include "config/planner.h"
#include "ingestor/ingestor.h"
#include "ingestor/partition_starts.h"
#include "ingestor/sink_view.h"
#include "ingestor/stream_watch.h"
#include "kafka/kafka_source.h"
#include "kafka/record_fetcher.h"
#include "protocol/names.h"
#include "stage/division.h"
#include "stage/nats.h"
#include "stage/shard_streams.h"
#include "telemetry/log.h"

namespace penstock::ingestor {

namespace {

// Read ahead of the workers, over all of them: beside librdkafka's own queue and the open batches.
constexpr std::size_t kQueueBytes = 48 << 20;

std::size_t Workers(const process::ServiceContext& context) {
  if (context.options.workers > 0) return context.options.workers;
  return static_cast<std::size_t>(std::max(1.0, std::ceil(CpuLimit())));
}

Worker::Options WorkerOptions(const PipelineSpec& spec, const SourcePlan& plan,
                              std::size_t number) {
  Worker::Options options;
  options.name = fmt::format("worker-{}", number);
  options.shards = spec.resources.shards;
  options.hop = plan.hop;
  options.output.pipeline_id = spec.pipeline_id;
  options.output.shards = spec.resources.shards;
  options.output.dead_letter_subject = protocol::DeadLetterSubject(spec.pipeline_id, "ingestor");
  options.output.fingerprints = plan.fingerprints;
  std::ranges::copy_if(plan.fields, std::back_inserter(options.output.columns),
                       &PlannedField::sent);
  options.output.target_bytes = spec.resources.batch_max_bytes;
  options.output.max_delay = spec.resources.batch_max_delay;
  options.output.clocks = plan.clocks;
  return options;
}

void NotePayload(std::size_t max_payload, std::size_t target) {
  if (max_payload >= 2 * target) return;
  Log(LogLevel::kWarn,
      "The NATS server takes small messages only: batches are smaller, and cost more each. Raise "
      "its max_payload to 8MB.",
      {{"max_payload", max_payload}, {"batch", target}});
}

// Of a source that a join reads.
std::optional<JoinCommit> JoinCommitOf(const PipelineSpec& spec, const PipelinePlan& plan,
                                       const std::string& source_id) {
  if (!plan.join) return std::nullopt;
  const bool left = plan.join->left.source_id == source_id;
  const JoinSidePlan& side = left ? plan.join->left : plan.join->right;
  return JoinCommit{
      .left = left, .shuffled = side.shuffled, .after_window = spec.join->commit_after_window};
}

std::vector<io::StreamConfig> StreamConfigs(const PipelineSpec& spec, Hop hop) {
  std::vector<io::StreamConfig> configs;
  for (const ShardId shard : stage::OwnedShards({}, spec.resources.shards)) {
    configs.push_back(stage::ShardStreamConfig(spec, hop, shard));
  }
  return configs;
}

std::vector<std::string> NamesOf(const std::vector<io::StreamConfig>& configs) {
  std::vector<std::string> names;
  for (const io::StreamConfig& config : configs) names.push_back(config.name);
  return names;
}

constexpr auto kLookInterval = std::chrono::seconds(1);

}  // namespace

Result<std::size_t> ChooseSource(const PipelineSpec& spec, const std::string& source_id) {
  const auto chosen = std::ranges::find(spec.sources, source_id, &SourceSpec::source_id);
  if (chosen != spec.sources.end()) {
    return static_cast<std::size_t>(chosen - spec.sources.begin());
  }
  if (source_id.empty() && spec.sources.size() == 1) return std::size_t{0};
  std::string ids;
  for (const SourceSpec& source : spec.sources) {
    ids += fmt::format("{}{}", ids.empty() ? "" : ", ", source.source_id);
  }
  return Error{
      Remedy::kStop, "usage",
      source_id.empty()
          ? fmt::format("--source: the pipeline has several sources, and an ingestor reads "
                        "one: {}",
                        ids)
          : fmt::format("--source: the pipeline has no source '{}', but {}", source_id, ids)};
}

Status BuildAndRun(const process::ServiceContext& context, const IngestorOptions& options) {
  const PipelineSpec& spec = context.pipeline;
  PENSTOCK_ASSIGN_OR_RETURN(const std::size_t chosen, ChooseSource(spec, options.source));
  const SourceSpec& source = spec.sources[chosen];
  const PipelinePlan pipeline = config::MakePlan(spec);
  const SourcePlan& plan = pipeline.sources[chosen];
  IngestorMetrics metrics(context.metrics, source.source_id, source.topic);
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto nats, stage::ConnectNats(spec, context.options.nats, "ingestor", context.health,
                                          context.clock, context.stop));
  PENSTOCK_RETURN_IF_ERROR(stage::EnsureStreams(nats->streams(), spec, {plan.hop},
                                                stage::OwnedShards({}, spec.resources.shards),
                                                context.clock, context.stop));
  PENSTOCK_ASSIGN_OR_RETURN(const auto bucket,
                            stage::OpenBucket(*nats, spec, context.clock, context.stop));
  NotePayload(nats->publisher().MaxPayload(), spec.resources.batch_max_bytes);
  CommitTracker tracker(spec.resources.shards);
  SinkView sinks(*bucket, spec.resources.shards, source.source_id, tracker, context.clock,
                 JoinCommitOf(spec, pipeline, source.source_id));
  PENSTOCK_RETURN_IF_ERROR(sinks.Start(context.stop));
  StreamRoom room(spec.resources.shards);
  const std::vector<io::StreamConfig> streams = StreamConfigs(spec, plan.hop);
  StreamWatch watch(streams, stage::DeadLetterStreamConfig(spec),
                    {.streams = nats->streams(),
                     .tracker = tracker,
                     .metrics = metrics,
                     .room = plan.clocks ? &room : nullptr});
  watch.Look();
  const std::jthread looking = StartThread("streams", [&](std::stop_token stop) {
    while (WaitUntil(context.clock.Now() + kLookInterval, stop)) watch.Look();
  });
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto kafka,
      kafka::OpenKafkaSource({.connection = source.connection,
                              .topic = source.topic,
                              .group = source.consumer_group,
                              .client_id = fmt::format("penstock-{}", spec.pipeline_id),
                              .log = {}},
                             context.clock));
  std::vector<std::unique_ptr<Worker>> workers;
  const std::size_t count = Workers(context);
  for (std::size_t i = 0; i < count; ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(RecordReader reader,
                              RecordReader::Make({.plan = plan, .shards = spec.resources.shards}));
    workers.push_back(
        std::make_unique<Worker>(WorkerOptions(spec, plan, i), std::move(reader),
                                 ShardOutput::Parts{.publisher = nats->publisher(),
                                                    .tracker = tracker,
                                                    .sinks = sinks,
                                                    .clock = context.clock,
                                                    .metrics = metrics,
                                                    .room = plan.clocks ? &room : nullptr,
                                                    .watch = &watch}));
  }
  PartitionStarts starts(
      {.source_id = source.source_id,
       .topic = source.topic,
       .initial_offset = source.initial_offset,
       .streams = NamesOf(streams)},
      {.source = *kafka,
       .fetch = [&](auto... place) -> Result<std::unique_ptr<io::RecordChunk>> {
         PENSTOCK_ASSIGN_OR_RETURN(
             const auto fetcher,
             kafka::OpenRecordFetcher(source.connection, source.topic, context.clock));
         return fetcher->Fetch(place...);
       },
       .bucket = *bucket,
       .streams = nats->streams(),
       .tracker = tracker,
       .clock = context.clock,
       .metrics = metrics});
  Ingestor ingestor({.queue_bytes = kQueueBytes / count}, {.source = *kafka,
                                                           .workers = workers,
                                                           .tracker = tracker,
                                                           .starts = starts,
                                                           .clock = context.clock,
                                                           .metrics = metrics,
                                                           .health = context.health});
  return ingestor.Run(context.stop);
}

}  // namespace penstock::ingestor
