#include "ctl/preflight.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/format.h"
#include "base/text.h"
#include "protocol/names.h"

namespace penstock::ctl {

namespace {

constexpr auto kPatience = std::chrono::seconds(10);

}  // namespace

std::vector<SampleRecord> CheckTopic(const SourceSpec& source, io::RecordFetcher& records,
                                     std::size_t samples, const Clock& clock, Findings& findings) {
  std::vector<SampleRecord> taken;
  const auto partitions = records.PartitionCount(clock.Now() + kPatience);
  if (!partitions.ok()) {
    findings.Fault("kafka", partitions.error().detail);
    return taken;
  }
  std::int64_t held = 0;
  std::vector<io::Watermarks> marks;
  for (std::int32_t partition = 0; partition < partitions.value(); ++partition) {
    const auto found = records.QueryWatermarks(partition, clock.Now() + kPatience);
    if (!found.ok()) {
      findings.Fault("kafka", found.error().detail);
      return taken;
    }
    marks.push_back(found.value());
    held += found.value().high.rep() - found.value().low.rep();
  }
  findings.Good("kafka", fmt::format("topic '{}' has {} partitions, which hold {} offsets",
                                     source.topic, partitions.value(), held));
  // Newest first, partition by partition in turn.
  for (std::int64_t back = 1; taken.size() < samples; ++back) {
    bool any = false;
    for (std::size_t i = 0; i < marks.size() && taken.size() < samples; ++i) {
      const Offset offset(marks[i].high.rep() - back);
      if (offset < marks[i].low) continue;
      any = true;
      const auto partition = static_cast<std::int32_t>(i);
      auto record = records.Fetch(partition, offset, clock.Now() + kPatience);
      if (!record.ok()) {
        findings.Fault("kafka", record.error().detail);
        return taken;
      }
      if (record.value() == nullptr) continue;
      taken.push_back({.chunk = std::move(record).value(), .partition = partition});
    }
    if (!any) break;
  }
  return taken;
}

void CheckNats(const PipelineSpec& spec, Nats& nats, Findings& findings) {
  const std::size_t payload = nats.publisher().MaxPayload();
  const std::string room =
      fmt::format("JetStream answers; a message may have {}", FormatSize(payload));
  if (payload < 2 * spec.resources.batch_max_bytes) {
    findings.Warn("nats", fmt::format("{}, so batches are smaller than resources.batch.max_bytes "
                                      "({}) and cost more each: raise max_payload to 8MB",
                                      room, FormatSize(spec.resources.batch_max_bytes)));
  } else {
    findings.Good("nats", room);
  }
  std::uint32_t streams = 0;
  for (std::uint32_t shard = 0; shard <= spec.resources.shards; ++shard) {
    const auto name = protocol::StreamName(spec.pipeline_id, protocol::Hop::kIn, ShardId(shard));
    const auto state = nats.streams().State(name);
    if (state.ok()) {
      ++streams;
      if (shard < spec.resources.shards) continue;
      findings.Fault("nats", fmt::format("stream {} is there, but resources.shards is {}: the "
                                         "number of shards cannot change while the streams exist; "
                                         "go back to the old one, or remove the pipeline's streams",
                                         name, spec.resources.shards));
    } else if (state.error().code != "not_found") {
      return findings.Fault("nats", state.error().detail);
    }
  }
  findings.Good("nats",
                streams == 0
                    ? std::string("the pipeline has no streams yet: the first start makes them")
                    : fmt::format("{} streams of the pipeline are there", streams));
}

}  // namespace penstock::ctl
