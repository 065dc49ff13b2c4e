#include "config/plan_facts.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "config/planner.h"
#include "protocol/names.h"

namespace penstock::config {

namespace {

// What a process needs whatever it does: code, clients, connections, metrics.
constexpr std::uint64_t kBaseBytes = 48ULL << 20;
// librdkafka's queue of fetched records, as the ingestor bounds it.
constexpr std::uint64_t kFetchQueueBytes = 64ULL << 20;
// Messages in hand, and the pages of the key store, as the transform bounds them.
constexpr std::uint64_t kTransformBytes = 128ULL << 20;
constexpr std::uint64_t kKeyPagesBytes = 64ULL << 20;
// The key store keeps 14 bits for each key in memory, the rest on disk.
constexpr std::uint64_t kKeyMemoryBits = 14;
// Messages in hand and read ahead, and the pages of the row stores, as the join bounds them.
constexpr std::uint64_t kJoinBytes = (64ULL + 24 + 8) << 20;
// A row store keeps its youngest rows in memory, and a piece of the oldest; of each other row 31
// bits, the rest on disk.
constexpr std::uint64_t kRowStoreBytes = 16ULL << 20;
constexpr std::uint64_t kRowMemoryBits = 31;
// How much larger a batch is before compression; JSON logs and orders give 3 to 4.
constexpr std::uint64_t kUncompressed = 4;

std::string NameOf(Hop hop) {
  return std::string(protocol::ToText(hop));
}

StageInfo Ingestor(const PipelineSpec& spec, const SourceSpec& source, Hop hop, int cpus) {
  const int workers = std::max(1, cpus);
  // Each worker fills a batch for each shard, while the last one of it may still be on its way.
  const std::uint64_t builders = static_cast<std::uint64_t>(workers) * spec.resources.shards *
                                 spec.resources.batch_max_bytes * (kUncompressed + 1);
  return {fmt::format("ingestor-{}", source.source_id), fmt::format("Kafka topic {}", source.topic),
          NameOf(hop), 1 + workers, kBaseBytes + kFetchQueueBytes + builders};
}

StageInfo Transform(const PipelineSpec& spec, const TransformPlan& plan, std::string name) {
  std::uint64_t bytes = kBaseBytes + kTransformBytes;
  if (!plan.dedup_key.empty()) {
    const std::uint64_t keys = StreamBytes(spec, plan.keys) / kKeyLogEntryBytes;
    bytes += kKeyPagesBytes + keys * kKeyMemoryBits / 8;
  }
  const bool shuffles = !plan.shuffle_key.empty();
  return {std::move(name), NameOf(plan.from), NameOf(plan.to) + (shuffles ? " of every shard" : ""),
          static_cast<int>(spec.resources.shards), bytes};
}

StageInfo Join(const PipelineSpec& spec) {
  const std::uint64_t rows =
      (StreamBytes(spec, Hop::kLeft) + StreamBytes(spec, Hop::kRight)) / kKeptRowBytes;
  // A thread for each shard, and one for each of its sides that reads ahead.
  return {
      "join", "left and right", "out", 3 * static_cast<int>(spec.resources.shards),
      kBaseBytes + kJoinBytes + spec.resources.shards * kRowStoreBytes + rows * kRowMemoryBits / 8};
}

StageInfo Sink(const PipelineSpec& spec, const PipelinePlan& plan, int cpus) {
  const int workers = std::max(1, cpus - 2);
  // A worker has a block twice, as it is and compressed; the coordinator has one more in the
  // making.
  const std::uint64_t blocks =
      (static_cast<std::uint64_t>(workers) * 2 + 1) * spec.sink.max_batch_bytes;
  return {"sink", NameOf(plan.sink_hop),
          fmt::format("ClickHouse table {}.{}", spec.sink.connection.database, spec.sink.table),
          1 + workers, kBaseBytes + blocks};
}

std::vector<StageInfo> StagesOf(const PipelineSpec& spec, const PipelinePlan& plan, int cpus) {
  std::vector<StageInfo> stages;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    stages.push_back(Ingestor(spec, spec.sources[i], plan.sources[i].hop, cpus));
  }
  if (plan.transform) stages.push_back(Transform(spec, *plan.transform, "transform"));
  if (plan.join) {
    for (const JoinSidePlan* side : {&plan.join->left, &plan.join->right}) {
      if (!side->dedup) continue;
      stages.push_back(Transform(spec, *side->dedup, fmt::format("transform-{}", side->source_id)));
    }
    stages.push_back(Join(spec));
  }
  stages.push_back(Sink(spec, plan, cpus));
  return stages;
}

// How fast what must be kept for a while may come.
std::string RoomFor(std::uint64_t bytes, std::string_view what, std::uint64_t each_bytes,
                    std::chrono::nanoseconds window) {
  const double seconds = std::max(1.0, std::chrono::duration<double>(window).count());
  return fmt::format("room for {:.0f} {} a second over {}, at about {} bytes each",
                     static_cast<double>(bytes) / static_cast<double>(each_bytes) / seconds, what,
                     FormatDuration(window), each_bytes);
}

class Streams {
 public:
  explicit Streams(const PipelineSpec& spec) : spec_(spec) {}

  void Add(Hop hop) { Add(hop, ""); }
  void AddTransform(const TransformPlan& plan) {
    Add(plan.from);
    if (plan.dedup_key.empty()) return;
    Add(plan.keys,
        RoomFor(StreamBytes(spec_, plan.keys), "new keys", kKeyLogEntryBytes, plan.dedup_window));
  }
  void AddSide(const JoinSidePlan& side, Hop hop, std::chrono::nanoseconds kept) {
    if (side.dedup) AddTransform(*side.dedup);
    Add(hop, RoomFor(StreamBytes(spec_, hop), "rows", kKeptRowBytes, kept));
  }
  std::vector<StreamInfo> Take() { return std::move(streams_); }

 private:
  void Add(Hop hop, std::string note) {
    const std::uint32_t shards = spec_.resources.shards;
    streams_.push_back({NameOf(hop), shards, StreamBytes(spec_, hop) / shards, std::move(note)});
  }

  const PipelineSpec& spec_;
  std::vector<StreamInfo> streams_;
};

std::vector<StreamInfo> StreamsOf(const PipelineSpec& spec, const PipelinePlan& plan) {
  Streams streams(spec);
  if (plan.join) {
    const JoinPlan& join = *plan.join;
    streams.AddSide(join.left, Hop::kLeft, join.left.window);
    streams.AddSide(join.right, Hop::kRight, join.left.window + join.right.window);
  } else if (plan.transform) {
    streams.AddTransform(*plan.transform);
  }
  streams.Add(plan.sink_hop);
  return streams.Take();
}

}  // namespace

PlanFacts MakeFacts(const PipelineSpec& spec, const PipelinePlan& plan, double cpus) {
  const int whole = static_cast<int>(std::max(1.0, std::floor(cpus)));
  return {.stages = StagesOf(spec, plan, whole),
          .streams = StreamsOf(spec, plan),
          .blocks_by_age =
              spec.resources.shards / std::chrono::duration<double>(spec.sink.max_delay).count()};
}

std::string_view PhysicalName(PhysicalType type) {
  switch (type) {
    case PhysicalType::kBool:
      return "bool";
    case PhysicalType::kInt64:
      return "int64";
    case PhysicalType::kUint64:
      return "uint64";
    case PhysicalType::kFloat64:
      return "float64";
    case PhysicalType::kString:
      return "string";
    case PhysicalType::kJson:
      return "json";
  }
  return "";
}

}  // namespace penstock::config
