#include "stage/shard_set.h"

#include <algorithm>
#include <utility>

#include "base/wait.h"
#include "telemetry/log.h"

namespace penstock::stage {

namespace {

// How soon it is seen that a shard has finished what it had in hand.
constexpr auto kReapInterval = std::chrono::milliseconds(20);

}  // namespace

ShardSet::ShardSet(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      owned_(
          parts_.metrics.AddGauge("penstock_shards_owned", "Shards that this process works on.")),
      shards_(parts_.health.Require("shards")),
      heartbeat_(parts_.health.Watch(options_.stage)) {}

Status ShardSet::Run(std::stop_token stop) {
  Status turned = Done{};
  while (turned.ok() && !stop.stop_requested()) turned = Turn(stop);
  Log(LogLevel::kInfo, "Stopping: finishing what is in hand.");
  StopAll();
  return turned;
}

Status ShardSet::Turn(std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const Ownership::Change change,
                            parts_.ownership.Next(NextLook(), std::move(stop)));
  heartbeat_.Beat();
  for (const ShardId shard : change.take) Take(shard);
  for (const ShardId shard : change.give_up) GiveUp(shard);
  for (const ShardId shard : change.lost) {
    if (const auto slot = slots_.find(shard); slot != slots_.end()) End(slot);
  }
  PENSTOCK_RETURN_IF_ERROR(MakeMissing());
  Reap();
  return Check();
}

Clock::Time ShardSet::NextLook() const {
  const Clock::Time now = parts_.clock.Now();
  Clock::Time next = now + options_.check_interval;
  for (const auto& [shard, slot] : slots_) {
    if (slot.stop_by) next = std::min(next, now + kReapInterval);
    if (slot.shard == nullptr) next = std::min(next, slot.try_at);
  }
  return next;
}

void ShardSet::Take(ShardId shard) {
  slots_.try_emplace(shard);
  owned_.Set(slots_.size());
}

void ShardSet::GiveUp(ShardId shard) {
  const auto slot = slots_.find(shard);
  if (slot == slots_.end()) return;
  slot->second.stop_by = parts_.clock.Now() + options_.drain_limit;
  if (slot->second.shard != nullptr) slot->second.shard->RequestStop();
}

Status ShardSet::MakeMissing() {
  const Clock::Time now = parts_.clock.Now();
  for (auto& [shard, slot] : slots_) {
    if (slot.shard != nullptr || slot.stop_by || now < slot.try_at) continue;
    auto made = parts_.make(shard);
    if (made.ok()) {
      slot.shard = std::move(made).value();
      slot.shard->Start();
    } else if (made.error().remedy == Remedy::kRetry) {
      slot.try_at = now + slot.backoff.Next();
    } else {
      return std::move(made).error();
    }
  }
  return Done{};
}

void ShardSet::Reap() {
  const Clock::Time now = parts_.clock.Now();
  for (auto slot = slots_.begin(); slot != slots_.end();) {
    const Slot& of = slot->second;
    const bool over =
        of.stop_by && (of.shard == nullptr || of.shard->ended() || now >= *of.stop_by);
    slot = over ? End(slot) : std::next(slot);
  }
}

// Only when what the shard held is closed may another have it.
ShardSet::Slots::iterator ShardSet::End(Slots::iterator slot) {
  const ShardId shard = slot->first;
  if (slot->second.shard != nullptr) slot->second.shard->StopNow();
  slot = slots_.erase(slot);
  owned_.Set(slots_.size());
  if (parts_.given_up) parts_.given_up(shard);
  parts_.ownership.Ended(shard);
  return slot;
}

Status ShardSet::Check() {
  std::string trouble;
  for (auto slot = slots_.begin(); slot != slots_.end();) {
    const OwnedShard* const shard = slot->second.shard.get();
    const auto failed = shard != nullptr ? shard->failure() : std::nullopt;
    if (failed && failed->code == "conflict") {
      PENSTOCK_RETURN_IF_ERROR(parts_.ownership.Overtaken(*failed));
      slot = End(slot);
      continue;
    }
    if (failed) {
      trouble = failed->detail;
    } else if (trouble.empty() && !slot->second.stop_by &&
               (shard == nullptr || !shard->started())) {
      trouble = "shards are being taken over";
    }
    ++slot;
  }
  if (trouble.empty()) {
    shards_.Holds();
  } else {
    shards_.Fails(trouble);
  }
  return Done{};
}

void ShardSet::StopAll() {
  parts_.ownership.Leave();
  for (const auto& [shard, slot] : slots_) GiveUp(shard);
  for (Reap(); !slots_.empty(); Reap()) WaitUntil(NextLook(), {});
}

}  // namespace penstock::stage
