#include "sim/simulation.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/wait.h"
#include "sim/scheduler.h"
#include "sim/stages.h"

namespace penstock::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kCalmLimit = minutes(10);

template <typename T>
T OneOf(std::initializer_list<T> values) {
  return *(values.begin() + Below(values.size()));
}

World::Shape AnyShape() {
  return {.transforms = OneIn(2),
          .shards = static_cast<std::uint32_t>(Below(3) + 1),
          .partitions = static_cast<std::int32_t>(Below(3) + 1)};
}

Setup AnySetup() {
  return {.leases = OneIn(2),
          .batch_bytes = OneOf<std::size_t>({40, 200, 2000}),
          .batch_delay = milliseconds(OneOf({5, 50, 500})),
          .block_rows = OneOf<std::size_t>({2, 10, 50}),
          .block_delay = milliseconds(OneOf({10, 200, 1000}))};
}

Network::Weather AnyWeather() {
  return {.lost = OneOf({0U, 100U, 20U}),
          .late = OneOf({0U, 200U, 30U}),
          .slow = OneOf({0U, 100U, 20U}),
          .deadly = OneOf({0U, 300U, 60U})};
}

testing::FakeTable::Faults TableFaults(bool calm) {
  return {.unconvertible = Ids::IsUnconvertible,
          .refused = Ids::IsRefused,
          .partitions = 9,
          .partition_limit = 4,
          .busy = calm ? 0 : OneOf({0U, 12U}),
          .no_memory = calm ? 0 : OneOf({0U, 15U}),
          .lost = calm ? 0 : OneOf({0U, 12U})};
}

/// The replicas of all stages, who restarts them, and what is done to them.
class Fleet {
 public:
  Fleet(World& world, Network& network, const Setup& setup)
      : world_(world), network_(network), setup_(setup) {
    Add(Stage::kIngestor, "ingestor");
    if (world.shape.transforms) Add(Stage::kTransform, "transform");
    Add(Stage::kSink, "sink");
  }

  /// Buries the dead and starts who is due.
  void Tend() {
    const Clock::Time now = SystemClock().Now();
    for (Slot& slot : slots_) {
      if (slot.life && slot.life->ended()) {
        slot.life.reset();
        slot.start_at = now + milliseconds(Below(OneIn(4) ? 20'000 : 500));
        ++deaths_;
      }
      if (!slot.life && slot.wanted && now >= slot.start_at) {
        slot.life = std::make_unique<Life>(world_, network_, setup_, slot.stage, slot.replica);
      }
    }
  }
  void KillOne() {
    Slot& slot = Any();
    if (slot.life) slot.life->Kill();
  }
  void StopOne() {
    Slot& slot = Any();
    slot.life.reset();
    slot.start_at = SystemClock().Now() + milliseconds(Below(2000));
  }
  /// A second replica comes or goes.
  void Scale() {
    Slot& slot = Any();
    if (slot.is_second) slot.wanted = !slot.wanted;
    if (!slot.wanted) slot.life.reset();
  }
  /// From now on everybody runs that has to.
  void Settle() {
    for (Slot& slot : slots_) {
      slot.wanted = !slot.is_second || (setup_.leases && slot.wanted);
      if (!slot.wanted) slot.life.reset();
      slot.start_at = {};
    }
  }
  std::size_t deaths() const { return deaths_; }

 private:
  struct Slot {
    Stage stage;
    std::string replica;
    bool is_second;
    bool wanted;
    Clock::Time start_at{};
    std::unique_ptr<Life> life;
  };

  void Add(Stage stage, const std::string& name) {
    slots_.push_back({stage, name + "-a", false, true, {}, {}});
    slots_.push_back({stage, name + "-b", true, OneIn(3), {}, {}});
  }
  Slot& Any() { return slots_[Below(slots_.size())]; }

  World& world_;
  Network& network_;
  const Setup setup_;
  std::vector<Slot> slots_;
  std::size_t deaths_ = 0;
};

void Disturb(World& world, Fleet& fleet) {
  switch (Below(10)) {
    case 0:
    case 1:
      return fleet.KillOne();
    case 2:
      return fleet.StopOne();
    case 3:
      return fleet.Scale();
    case 4:
      return world.kafka.SetReachable(OneIn(2));
    case 5:
      return OneIn(2) ? world.table.Close() : world.table.Open();
    case 6:
      return world.table.Set(TableFaults(false));
    default:
      return;
  }
}

void LoseSomething(World& world, Losses losses) {
  const ShardId shard(static_cast<std::uint32_t>(Below(world.shape.shards)));
  if (losses == Losses::kRecords) {
    return OneIn(2) ? world.LoseRecords() : world.LoseRecord(shard);
  }
  const auto hop = world.shape.transforms && OneIn(2) ? protocol::Hop::kOut : protocol::Hop::kIn;
  switch (Below(3)) {
    case 0:
      return world.LoseStream(hop, shard);
    case 1:
      return world.LoseTail(hop, shard);
    default:
      return world.LoseStreams();
  }
}

void Pass(Clock::Duration duration) {
  WaitUntil(SystemClock().Now() + duration, {});
}

}  // namespace

Ran Simulate(std::uint64_t seed, Losses losses) {
  Scheduler scheduler({.seed = seed, .lock_switches = seed % 3 == 0 ? 0U : 16U});
  const Clock::Time start = SystemClock().Now();
  World world(AnyShape());
  Ran ran;
  {
    Network network;
    network.weather = AnyWeather();
    world.table.Set(TableFaults(false));
    Fleet fleet(world, network, AnySetup());
    const std::size_t records = 30 + Below(120);
    while (world.produced() < records) {
      world.Produce(Below(12));
      fleet.Tend();
      Disturb(world, fleet);
      if (losses != Losses::kNone && OneIn(8)) LoseSomething(world, losses);
      Pass(milliseconds(Below(OneIn(4) ? 4000 : 100)));
    }
    network.weather = {};
    world.kafka.SetReachable(true);
    world.table.Open();
    world.table.Set(TableFaults(true));
    fleet.Settle();
    const Clock::Time limit = SystemClock().Now() + kCalmLimit;
    while (world.kafka.Lag() > 0 && SystemClock().Now() < limit) {
      fleet.Tend();
      Pass(milliseconds(500));
    }
    EXPECT_EQ(world.kafka.Lag(), 0) << "stuck: the faults are over, and Kafka's lag stays\n"
                                    << scheduler.Threads();
    world.CheckEnd();
    ran.records = records;
    ran.deaths = fleet.deaths();
  }
  ran.virtual_ms = std::chrono::duration_cast<milliseconds>(SystemClock().Now() - start).count();
  ran.trace = scheduler.trace();
  ran.switches = scheduler.switches();
  return ran;
}

}  // namespace penstock::sim
