#include "chaos/faults.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/format.h"
#include "chaos/chaos_world.h"
#include "protocol/names.h"

namespace penstock::testing {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

double Seconds(milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

Clock::Time After(milliseconds time) {
  return SystemClock().Now() + time;
}

// --- processes

std::string Kill9(ChaosWorld& world, Draw& draw) {
  auto replicas = world.Replicas();
  Replica& replica = *draw.OneOf(replicas);
  const milliseconds away = draw.Between(0ms, 2s);
  if (!replica.Kill9(After(away))) return "";
  return fmt::format("{}, back after {:.1f} s", replica.name(), Seconds(away));
}

std::string Stop(ChaosWorld& world, Draw& draw) {
  auto replicas = world.Replicas();
  Replica& replica = *draw.OneOf(replicas);
  const milliseconds away = draw.Between(0ms, 2s);
  if (!replica.Stop(away)) return "";
  return fmt::format("{}, back {:.1f} s after it has stopped", replica.name(), Seconds(away));
}

std::string Freeze(ChaosWorld& world, Draw& draw) {
  auto replicas = world.Replicas();
  Replica& replica = *draw.OneOf(replicas);
  const milliseconds time = draw.Between(500ms, 9s);  // Less, and more, than a lease lasts.
  if (!replica.Freeze(After(time))) return "";
  return fmt::format("{} for {:.1f} s", replica.name(), Seconds(time));
}

std::string Scale(ChaosWorld& world, Draw& draw) {
  ChaosWorld::Stage& stage = draw.OneOf(world.stages());
  const std::size_t now = stage.Wanted();
  std::size_t count = 1 + draw.Below(ChaosWorld::kMostReplicas - 1);
  if (count >= now) ++count;
  stage.ScaleTo(count);
  return fmt::format("{} from {} to {}", stage.name, now, count);
}

std::string Rebalance(ChaosWorld& world, Draw& draw) {
  ChaosWorld::Stage& ingestors = world.stage("ingestor");
  const std::size_t now = ingestors.Wanted();
  const std::size_t then = now < ChaosWorld::kMostReplicas ? now + 1 : now - 1;
  const milliseconds time = draw.Between(500ms, 4s);
  ingestors.ScaleTo(then);
  world.Later(time, [&ingestors, now] { ingestors.ScaleTo(now); });
  return fmt::format("{} ingestors instead of {} for {:.1f} s", then, now, Seconds(time));
}

std::string ClockJump(ChaosWorld& world, Draw& draw) {
  constexpr std::array<std::int64_t, 6> kOffsetsMs = {-86'400'000, -600'000, -5'000,
                                                      5'000,       600'000,  86'400'000};
  auto replicas = world.Replicas();
  Replica& replica = *draw.OneOf(replicas);
  const std::int64_t offset_ms = kOffsetsMs.at(draw.Below(kOffsetsMs.size()));
  if (!replica.JumpClock(offset_ms, After(0ms))) return "";
  return fmt::format("{} by {} s", replica.name(), offset_ms / 1000);
}

// --- servers

std::string AddPartitions(ChaosWorld& world) {
  if (world.partitions() >= ChaosWorld::kMostPartitions || !world.servers().IsUp("kafka"))
    return "";
  world.AddPartition();
  return fmt::format("the topic has {}", world.partitions());
}

std::string TakeNatsDown(ChaosWorld& world, Draw& draw, bool kill9) {
  if (!world.nats_is_up()) return "";
  const milliseconds away = draw.Between(0ms, 3s);
  kill9 ? world.nats().Kill9() : world.nats().Stop();
  world.SetNatsIsUp(false);
  world.Later(away, [&world] {
    world.nats().Restart();
    world.SetNatsIsUp(true);
  });
  return fmt::format("away for {:.1f} s", Seconds(away));
}

std::string TakeDown(ChaosWorld& world, const char* server, const char* how, milliseconds away) {
  if (!world.servers().TakeDown(server, how, away)) return "";
  return fmt::format("away for {:.1f} s", Seconds(away));
}

std::string FillUp(ChaosWorld& world, SmallDisk& disk, std::string_view whose, milliseconds time) {
  if (!disk.mounted()) return "";
  disk.Fill(/*spare=*/0);
  world.Later(time, [&disk] { disk.Empty(); });
  return fmt::format("{} for {:.1f} s", whose, Seconds(time));
}

// --- what NATS keeps

// NATS may be away, or just coming back.
std::string Remove(ChaosWorld& world, const std::vector<std::string>& names,
                   std::string_view what) {
  if (!world.nats_is_up()) return "";
  std::size_t removed = 0;
  for (const std::string& name : names) removed += world.pipeline().streams().Remove(name).ok();
  return removed == 0 ? "" : fmt::format("{} ({} of {})", what, removed, names.size());
}

// Not the key log: a dedup whose store and log are both lost has forgotten its window.
std::vector<std::string> RowStreams(ChaosWorld& world, Hop hop) {
  std::vector<std::string> names;
  for (std::uint32_t shard = 0; shard < world.pipeline().shards(); ++shard) {
    names.push_back(protocol::StreamName(world.pipeline().id(), hop, ShardId(shard)));
  }
  return names;
}

std::string DeleteStream(ChaosWorld& world, Draw& draw) {
  auto names = RowStreams(world, draw.Below(2) == 0 ? Hop::kIn : Hop::kOut);
  const std::string name = draw.OneOf(names);
  return Remove(world, {name}, name);
}

std::string DeleteStreams(ChaosWorld& world) {
  auto names = RowStreams(world, Hop::kIn);
  for (std::string& name : RowStreams(world, Hop::kOut)) names.push_back(std::move(name));
  return Remove(world, names, "all");
}

std::string DeleteBucket(ChaosWorld& world) {
  return Remove(world, {"KV_" + protocol::Bucket(world.pipeline().id())}, "the bucket");
}

// --- the network

std::string Spoil(ChaosWorld& world, StreamGate& gate, std::string_view whose,
                  StreamGate::Mode mode, milliseconds time, milliseconds delay = {}) {
  gate.Set(mode, delay);
  world.Later(time, [&gate] { gate.Set(StreamGate::Mode::kOpen); });
  const std::string how_much =
      delay > 0ms ? fmt::format(" by {:.2f} s", Seconds(delay)) : std::string();
  return fmt::format("{}{} for {:.1f} s", whose, how_much, Seconds(time));
}

/// Some replica's way to NATS, or everybody's to Kafka or to ClickHouse.
std::pair<StreamGate*, std::string> AnyGate(ChaosWorld& world, Draw& draw, bool clickhouse) {
  const std::uint64_t choice = draw.Below(clickhouse ? 4 : 3);
  if (choice == 0) return {&world.servers().kafka(), "all to Kafka"};
  if (choice == 3) return {&world.servers().clickhouse(), "all to ClickHouse"};
  auto replicas = world.Replicas();
  Replica& replica = *draw.OneOf(replicas);
  return {&replica.nats(), replica.name() + " to NATS"};
}

std::string SpoilAny(ChaosWorld& world, Draw& draw, StreamGate::Mode mode) {
  const bool delays = mode == StreamGate::Mode::kDelay;
  const auto [gate, whose] = AnyGate(world, draw, !delays);
  const milliseconds time = draw.Between(200ms, 7s);
  return Spoil(world, *gate, whose, mode, time, delays ? draw.Between(10ms, 400ms) : 0ms);
}

}  // namespace

std::string DoFault(ChaosWorld& world, FaultKind kind, Draw& draw) {
  StreamGate& clickhouse = world.servers().clickhouse();
  switch (kind) {
    case FaultKind::kKill9:
      return Kill9(world, draw);
    case FaultKind::kStop:
      return Stop(world, draw);
    case FaultKind::kFreeze:
      return Freeze(world, draw);
    case FaultKind::kScale:
      return Scale(world, draw);
    case FaultKind::kRebalance:
      return Rebalance(world, draw);
    case FaultKind::kClockJump:
      return ClockJump(world, draw);
    case FaultKind::kAddPartitions:
      return AddPartitions(world);
    case FaultKind::kNatsRestart:
      return TakeNatsDown(world, draw, /*kill9=*/false);
    case FaultKind::kNatsKill9:
      return TakeNatsDown(world, draw, /*kill9=*/true);
    case FaultKind::kKafkaRestart:
      return TakeDown(world, "kafka", "stop", draw.Between(0ms, 2s));
    case FaultKind::kClickHouseRestart:
      return TakeDown(world, "clickhouse", "stop", draw.Between(0ms, 1s));
    case FaultKind::kClickHouseKill9:
      return TakeDown(world, "clickhouse", "kill9", draw.Between(0ms, 1s));
    case FaultKind::kClickHouseAway:
      return TakeDown(world, "clickhouse", "stop", draw.Between(5s, 12s));
    case FaultKind::kSlowInserts:
      return Spoil(world, clickhouse, "all", StreamGate::Mode::kDelay, draw.Between(2s, 6s),
                   draw.Between(200ms, 1500ms));
    case FaultKind::kCutAnswers:
      return Spoil(world, clickhouse, "all", StreamGate::Mode::kCutAnswers,
                   draw.Between(500ms, 3s));
    case FaultKind::kDelay:
      return SpoilAny(world, draw, StreamGate::Mode::kDelay);
    case FaultKind::kCut:
      return SpoilAny(world, draw, StreamGate::Mode::kCut);
    case FaultKind::kBlackHole:
      return SpoilAny(world, draw, StreamGate::Mode::kBlackHole);
    case FaultKind::kHalfOpen:
      return SpoilAny(world, draw, StreamGate::Mode::kHalfOpen);
    case FaultKind::kClickHouseDiskFull:
      return FillUp(world, world.servers().clickhouse_disk(), "ClickHouse's", draw.Between(1s, 4s));
    case FaultKind::kStateDiskFull:
      return FillUp(world, world.state_disk(), "the transforms'", draw.Between(1s, 4s));
    case FaultKind::kStreamDeleted:
      return DeleteStream(world, draw);
    case FaultKind::kStreamsDeleted:
      return DeleteStreams(world);
    case FaultKind::kBucketDeleted:
      return DeleteBucket(world);
  }
  return "";
}

}  // namespace penstock::testing
