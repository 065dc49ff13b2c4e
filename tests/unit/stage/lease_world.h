#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "protocol/names.h"
#include "stage/lease_keeper.h"
#include "support/fake_key_value.h"

namespace penstock::stage {

using testing::FakeKeyValue;

/// Time that the test makes.
class VirtualClock final : public Clock {
 public:
  Time Now() const override { return now; }
  std::int64_t WallMs() const override {
    return now.time_since_epoch() / std::chrono::milliseconds(1);
  }
  Time now{std::chrono::hours(1)};
};

/// Replicas of a stage and the shards that they work on, over one bucket, in virtual time and one
/// thread. Each takes a while to finish with a shard that it gives up. Whenever one takes a shard,
/// nobody who is heard of may work on it.
class LeaseWorld {
 public:
  static constexpr auto kTick = std::chrono::milliseconds(50);
  static constexpr LeaseTimes kTimes{};

  struct Replica {
    Replica(LeaseWorld& world, std::string called)
        : name(std::move(called)),
          client(world.bucket),
          keeper({.stage = "sink",
                  .replica = name,
                  .incarnation = fmt::format("{:04x}", ++world.incarnations),
                  .shards = world.shards,
                  .times = kTimes},
                 {.bucket = client,
                  .clock = world.clock,
                  .make_bucket =
                      [&world] {
                        world.bucket.Make();
                        return Done{};
                      },
                  .taken = {},
                  .released = {},
                  .lost = {},
                  .idle = {}}) {
      for (const std::string& prefix :
           {protocol::MemberPrefix("sink"), protocol::LeasePrefix("sink")}) {
        watches.push_back(
            client
                .WatchPrefix(prefix, [this](const std::string& key,
                                            const auto& entry) { told.emplace_back(key, entry); })
                .value());
      }
    }

    const std::string name;
    FakeKeyValue client;
    LeaseKeeper keeper;
    std::vector<std::pair<std::string, std::optional<io::KeyValueEntry>>> told;
    std::vector<std::unique_ptr<io::KeyValue::Watch>> watches;
    std::set<ShardId> works{};
    std::map<ShardId, Clock::Time> finishes{};  // What it gives up, and when it has.
    Clock::Time frozen_until{};
    bool writes_late = false;  // What it decided may happen when it is not right any more.
    Status failed = Done{};
  };

  explicit LeaseWorld(std::uint32_t shard_count, std::uint64_t seed = 1)
      : shards(shard_count), random(seed) {
    heard_watch_ = bucket
                       .WatchPrefix("member.",
                                    [this](const std::string& key, const auto& entry) {
                                      if (entry) heard_[key] = clock.now;
                                    })
                       .value();
  }

  Replica& Start(const std::string& name) {
    replicas.push_back(std::make_unique<Replica>(*this, name));
    return *replicas.back();
  }
  /// As kill -9: nothing is said any more.
  void Kill(const std::string& name) {
    std::erase_if(replicas, [&](const auto& replica) { return replica->name == name; });
  }
  /// As SIGTERM: it gives up all that it has, and goes when it has.
  void Leave(Replica& replica) {
    replica.keeper.Leave();
    for (const ShardId shard : replica.works) GiveUp(replica, shard);
  }
  Replica* Find(const std::string& name) {
    const auto found =
        std::ranges::find_if(replicas, [&](const auto& replica) { return replica->name == name; });
    return found == replicas.end() ? nullptr : found->get();
  }

  void Run(Clock::Duration time) {
    for (const Clock::Time end = clock.now + time; clock.now < end;) Tick();
  }
  /// How long it takes until `what` holds, `most` at most.
  template <typename Condition>
  Clock::Duration Until(Condition what, Clock::Duration most) {
    const Clock::Time start = clock.now;
    while (!what() && clock.now - start < most) Tick();
    return clock.now - start;
  }

  void Tick() {
    clock.now += kTick;
    bucket.TellWatches();
    std::ranges::shuffle(replicas, random);
    for (const auto& replica : replicas) {
      if (random() % 20 == 0) replica->client.ApplyLate();
      if (replica->frozen_until <= clock.now) Turn(*replica);
    }
    std::erase_if(replicas, [](const auto& replica) { return replica->keeper.left(); });
  }

  std::string Owners(ShardId shard) const {
    std::string owners;
    for (const auto& replica : replicas) {
      if (replica->works.contains(shard)) owners += replica->name;
    }
    return owners;
  }
  /// Every shard is with one replica, and with the right one; the bucket says so, too.
  bool Settled() const {
    std::vector<std::string> names;
    for (const auto& replica : replicas) names.push_back(replica->name);
    std::ranges::sort(names);
    const auto values = bucket.Values();
    for (std::uint32_t i = 0; i < shards; ++i) {
      const std::string& target = names[i % names.size()];
      const auto entry = values.find(protocol::LeaseKey("sink", ShardId(i)));
      const auto lease = entry == values.end() ? std::nullopt : DecodeLease(entry->second);
      if (Owners(ShardId(i)) != target || !lease || lease->owner != target) return false;
    }
    return true;
  }
  std::string Describe() const {
    std::string text;
    for (const auto& [key, value] : bucket.Values()) text += fmt::format("{} = {}\n", key, value);
    for (const auto& replica : replicas) {
      text += replica->name + ":";
      for (const ShardId shard : replica->works) text += fmt::format(" {}", shard.rep());
      text += "\n";
    }
    return text;
  }

  const std::uint32_t shards;
  std::mt19937_64 random;
  VirtualClock clock;
  FakeKeyValue bucket{FakeKeyValue::Telling::kByHand};
  std::vector<std::unique_ptr<Replica>> replicas;
  int incarnations = 0;
  int takes = 0;

 private:
  void GiveUp(Replica& replica, ShardId shard) {
    replica.finishes.try_emplace(shard, clock.now + kTick * (random() % 20));
  }

  void Turn(Replica& replica) {
    bool due = clock.now >= replica.keeper.next();
    for (const auto& [key, entry] : std::exchange(replica.told, {})) {
      replica.keeper.Told(key, entry);
      due = true;
    }
    for (auto next = replica.finishes.begin(); next != replica.finishes.end();) {
      if (next->second > clock.now) {
        ++next;
        continue;
      }
      replica.works.erase(next->first);
      replica.keeper.Ended(next->first);
      next = replica.finishes.erase(next);
      due = true;
    }
    if (!due) return;
    replica.failed = replica.keeper.Step();
    const Ownership::Change change = replica.keeper.TakeChange();
    for (const ShardId shard : change.take) Take(replica, shard);
    for (const ShardId shard : change.give_up) GiveUp(replica, shard);
    for (const ShardId shard : change.lost) {
      replica.works.erase(shard);
      replica.finishes[shard] = clock.now;
    }
    bucket.TellWatches();
  }

  void Take(Replica& replica, ShardId shard) {
    ++takes;
    for (const auto& other : replicas) {
      if (replica.writes_late) break;
      const auto heard = heard_[protocol::MemberKey("sink", other->name)];
      // Who has not heard yet that a shard is lost had been silent when it was taken.
      if (!other->works.contains(shard) || !other->told.empty()) continue;
      if (clock.now - heard >= kTimes.gone_after) continue;
      ADD_FAILURE() << replica.name << " takes shard " << shard.rep() << " while " << other->name
                    << " works on it\n"
                    << Describe();
    }
    replica.works.insert(shard);
  }

  std::unique_ptr<io::KeyValue::Watch> heard_watch_;
  std::map<std::string, Clock::Time> heard_;  // When a member's entry was last written.
};

}  // namespace penstock::stage
