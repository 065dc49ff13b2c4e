#include "stage/shard_set.h"

#include <algorithm>
#include <utility>

#include "base/wait.h"
#include "telemetry/log.h"

namespace penstock::stage {

namespace {

// How soon it is seen that a shard has finished what it had in hand.
constexpr auto kReapInterval = std::chrono::milliseconds(20);
// A shard that has worked for so long runs well: what comes after is another trouble.
constexpr auto kRunsWell = std::chrono::minutes(1);

}  // namespace

ShardSet::ShardSet(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      owned_(
          parts_.metrics.AddGauge("penstock_shards_owned", "Shards that this process works on.")),
      begun_anew_(parts_.metrics.AddCounter(
          "penstock_shard_restarts_total",
          "Shards that began anew in this process, as after a stream was deleted.")),
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
  slots_.try_emplace(shard, Slot{.backoff = Backoff(options_.first_pause)});
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
    heartbeat_.Beat();  // Servers that do not answer take their time for each.
    auto made = parts_.make(shard);
    if (made.ok()) {
      slot.shard = std::move(made).value();
      slot.made_at = now;
      slot.shard->Start();
    } else if (made.error().remedy == Remedy::kRetry) {
      Say(shard, slot, made.error());
      Pause(slot);
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
    auto& [shard, of] = *slot;
    const auto failed = of.shard != nullptr ? of.shard->failure() : std::nullopt;
    if (failed && failed->code == "conflict") {
      PENSTOCK_RETURN_IF_ERROR(parts_.ownership.Overtaken(*failed));
      slot = End(slot);
      continue;
    }
    if (failed) Fail(shard, of, *failed);
    if (trouble.empty()) trouble = WhyNotReady(of);
    ++slot;
  }
  if (trouble.empty()) {
    shards_.Holds();
  } else {
    shards_.Fails(trouble);
  }
  return Done{};
}

void ShardSet::Fail(ShardId shard, Slot& slot, const Error& failure) {
  const bool again = failure.remedy == Remedy::kRetry && !slot.stop_by;
  if (again && parts_.clock.Now() - slot.made_at >= kRunsWell) {
    slot.backoff.Reset();
    slot.trouble.reset();
  }
  Say(shard, slot, failure);
  if (!again) return;
  slot.shard->StopNow();
  slot.shard.reset();
  begun_anew_.Add();
  Pause(slot);
}

void ShardSet::Say(ShardId shard, Slot& slot, const Error& trouble) {
  const auto said = std::exchange(slot.trouble, trouble);
  if (said && said->code == trouble.code) return;
  const bool retried = trouble.remedy == Remedy::kRetry;
  Log(retried ? LogLevel::kWarn : LogLevel::kError,
      retried ? "A shard cannot work: it begins anew after a pause."
              : "A shard has stopped: it needs somebody.",
      {{"shard", shard}, {"code", trouble.code}, {"error", trouble.detail}});
}

void ShardSet::Pause(Slot& slot) {
  slot.try_at = parts_.clock.Now() + slot.backoff.Next();
}

std::string ShardSet::WhyNotReady(const Slot& slot) {
  if (slot.stop_by) return {};
  if (slot.shard == nullptr) return slot.trouble ? slot.trouble->detail : "";
  if (const auto failed = slot.shard->failure()) return failed->detail;
  return slot.shard->started() ? "" : "shards are being taken over";
}

void ShardSet::StopAll() {
  parts_.ownership.Leave();
  for (const auto& [shard, slot] : slots_) GiveUp(shard);
  for (Reap(); !slots_.empty(); Reap()) WaitUntil(NextLook(), {});
}

}  // namespace penstock::stage
