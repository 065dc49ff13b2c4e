#include "stage/shard_streams.h"

#include "base/backoff.h"
#include "base/wait.h"
#include "config/planner.h"
#include "telemetry/log.h"

namespace penstock::stage {

namespace {

// Dead letters are few, or something is wrong enough to stop for: a full stream holds the
// pipeline up rather than lose a letter.
constexpr std::uint64_t kDeadLetterBytes = 1ULL << 30;

Status EnsureOne(io::Streams& streams, const io::StreamConfig& config, const Clock& clock,
                 std::stop_token stop) {
  Backoff backoff;
  while (true) {
    const auto state = streams.Ensure(config);
    if (state.ok()) return Done{};
    if (state.error().remedy != Remedy::kRetry) {
      return Error(state.error()).Within(fmt::format("stream {}", config.name));
    }
    Log(LogLevel::kWarn, "Waiting for JetStream to make a stream.",
        {{"stream", config.name}, {"error", state.error().detail}});
    if (!WaitUntil(clock.Now() + backoff.Next(), stop)) {
      return Error{Remedy::kStop, "stopped", "the process is stopping"};
    }
  }
}

}  // namespace

io::StreamConfig ShardStreamConfig(const PipelineSpec& spec, protocol::Hop hop, ShardId shard) {
  const NatsSpec& nats = spec.resources.nats;
  io::StreamConfig config;
  config.name = protocol::StreamName(spec.pipeline_id, hop, shard);
  config.subjects = {protocol::Subject(spec.pipeline_id, hop, shard)};
  const bool keys = hop == protocol::Hop::kKeys;
  config.max_bytes = (keys ? config::KeyLogBytes(spec) : nats.max_bytes) / spec.resources.shards;
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

Status EnsureStreams(io::Streams& streams, const PipelineSpec& spec, protocol::Hop hop,
                     const std::vector<ShardId>& shards, const Clock& clock, std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(EnsureOne(streams, DeadLetterStreamConfig(spec), clock, stop));
  for (const ShardId shard : shards) {
    PENSTOCK_RETURN_IF_ERROR(EnsureOne(streams, ShardStreamConfig(spec, hop, shard), clock, stop));
  }
  return Done{};
}

}  // namespace penstock::stage
