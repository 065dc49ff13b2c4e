#include "stage/shard_streams.h"

#include "base/patience.h"
#include "config/planner.h"
#include "telemetry/log.h"

namespace penstock::stage {

namespace {

// Dead letters are few, or something is wrong enough to stop for: a full stream holds the
// pipeline up rather than lose a letter.
constexpr std::uint64_t kDeadLetterBytes = 1ULL << 30;

Status EnsureOne(io::Streams& streams, const io::StreamConfig& config) {
  auto state = streams.Ensure(config);
  if (state.ok()) return Done{};
  return std::move(state).error().Within(fmt::format("stream {}", config.name));
}

}  // namespace

io::StreamConfig ShardStreamConfig(const PipelineSpec& spec, protocol::Hop hop, ShardId shard) {
  const NatsSpec& nats = spec.resources.nats;
  io::StreamConfig config;
  config.name = protocol::StreamName(spec.pipeline_id, hop, shard);
  config.subjects = {protocol::Subject(spec.pipeline_id, hop, shard)};
  // What a transform shuffles comes on a subject for each shard that it comes from.
  if (hop == protocol::Hop::kLeft || hop == protocol::Hop::kRight) {
    config.subjects.push_back(config.subjects.front() + ".*");
  }
  config.max_bytes = config::StreamBytes(spec, hop) / spec.resources.shards;
  config.replicas = nats.replicas;
  config.memory_storage = nats.memory_storage;
  return config;
}

io::StreamConfig DeadLetterStreamConfig(const PipelineSpec& spec) {
  io::StreamConfig config;
  config.name = protocol::DeadLetterStream(spec.pipeline_id);
  config.subjects = {protocol::DeadLetterSubject(spec.pipeline_id, "*")};
  config.max_bytes = kDeadLetterBytes;
  config.replicas = spec.resources.nats.replicas;
  return config;
}

Status EnsureStreams(io::Streams& streams, const PipelineSpec& spec,
                     const std::vector<protocol::Hop>& hops, const std::vector<ShardId>& shards) {
  PENSTOCK_RETURN_IF_ERROR(EnsureOne(streams, DeadLetterStreamConfig(spec)));
  for (const protocol::Hop hop : hops) {
    for (const ShardId shard : shards) {
      PENSTOCK_RETURN_IF_ERROR(EnsureOne(streams, ShardStreamConfig(spec, hop, shard)));
    }
  }
  return Done{};
}

Status EnsureStreams(io::Streams& streams, const PipelineSpec& spec,
                     const std::vector<protocol::Hop>& hops, const std::vector<ShardId>& shards,
                     const Clock& clock, std::stop_token stop) {
  return WithPatience(
      clock, std::move(stop),
      [&](const Error& error) {
        Log(LogLevel::kWarn, "Waiting for JetStream to make the streams.",
            {{"error", error.detail}});
      },
      [&] { return EnsureStreams(streams, spec, hops, shards); });
}

}  // namespace penstock::stage
