#include "chaos/fault_kind.h"

#include <algorithm>

#include "base/format.h"

namespace penstock::testing {

const std::vector<FaultKindInfo>& AllFaultKinds() {
  using enum FaultKind;
  static const std::vector<FaultKindInfo> kinds = {
      {kKill9, "kill9", "kill -9 of a replica, which comes back", true},
      {kStop, "stop", "SIGTERM to a replica, which comes back", true},
      {kFreeze, "freeze", "SIGSTOP, later SIGCONT, to a replica", true},
      {kScale, "scale", "a stage has 1 to 3 replicas from now on", true},
      {kRebalance, "rebalance", "one more ingestor comes and goes", true},
      {kClockJump, "clock_jump", "a replica comes back with another time of day", true},
      {kAddPartitions, "add_partitions", "the topic gets a partition more", true},
      {kNatsRestart, "nats_restart", "nats-server stops, and starts again", true},
      {kNatsKill9, "nats_kill9", "kill -9 of nats-server", true, true},
      {kKafkaRestart, "kafka_restart", "Kafka stops, and starts again", true},
      {kClickHouseRestart, "clickhouse_restart", "ClickHouse stops, and starts again", true},
      {kClickHouseKill9, "clickhouse_kill9", "kill -9 of ClickHouse", true},
      {kClickHouseAway, "clickhouse_away", "ClickHouse is away for longer", true},
      {kSlowInserts, "slow_inserts", "every byte to and from ClickHouse takes long", true},
      {kCutAnswers, "cut_answers", "connections break when ClickHouse answers", true},
      {kDelay, "delay", "every byte to and from NATS or Kafka takes longer", true},
      {kCut, "cut", "connections break, and new ones too", true},
      {kBlackHole, "black_hole", "nothing goes through, and nobody is told", true},
      {kHalfOpen, "half_open", "the server's side of connections is gone", true},
      {kClickHouseDiskFull, "clickhouse_disk_full", "no room on ClickHouse's disk", true},
      {kStateDiskFull, "state_disk_full", "no room for the transforms' state", true},
      {kStreamDeleted, "stream_deleted", "a shard's stream is deleted", true, true},
      {kStreamsDeleted, "streams_deleted", "all streams of rows are deleted", true, true},
      {kBucketDeleted, "bucket_deleted", "the key-value bucket is deleted", false, true},
  };
  return kinds;
}

const FaultKindInfo& InfoOf(FaultKind kind) {
  return AllFaultKinds().at(static_cast<std::size_t>(kind));
}

std::string_view ToText(FaultKind kind) {
  return InfoOf(kind).name;
}

Result<std::vector<FaultKind>> ParseFaultKinds(std::string_view text) {
  std::vector<FaultKind> kinds;
  if (text.empty()) {
    for (const FaultKindInfo& info : AllFaultKinds()) {
      if (info.in_every_run) kinds.push_back(info.kind);
    }
    return kinds;
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto found = std::ranges::find(AllFaultKinds(), name, &FaultKindInfo::name);
    if (found == AllFaultKinds().end()) {
      std::vector<std::string_view> names;
      for (const FaultKindInfo& info : AllFaultKinds()) names.push_back(info.name);
      return Error{
          Remedy::kStop, "usage",
          fmt::format("there are no faults \"{}\"; there are {}", name, fmt::join(names, ", "))};
    }
    kinds.push_back(found->kind);
  }
  return kinds;
}

}  // namespace penstock::testing
