#include "stage/leased_ownership.h"

#include <random>

#include "base/format.h"
#include "base/patience.h"
#include "base/thread.h"
#include "protocol/names.h"
#include "telemetry/log.h"

namespace penstock::stage {

namespace {

// A bucket that does not answer does not keep a process from ending.
constexpr auto kGoodbye = std::chrono::seconds(5);

std::string NewIncarnation() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

Counter Changes(Metrics& metrics, std::string_view what) {
  return metrics.AddCounter("penstock_lease_changes_total",
                            "Shards that this replica took, released, or lost to another.",
                            {{"change", std::string(what)}});
}

void Append(std::vector<ShardId>& all, const std::vector<ShardId>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

LeasedOwnership::LeasedOwnership(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(std::move(parts)),
      keeper_({.stage = options_.stage,
               .replica = protocol::PipelineToken(options_.replica),
               .incarnation = NewIncarnation(),
               .shards = options_.shards,
               .times = options_.times},
              {.bucket = parts_.bucket,
               .clock = parts_.clock,
               .make_bucket = parts_.make_bucket,
               .taken = Changes(parts_.metrics, "taken"),
               .released = Changes(parts_.metrics, "released"),
               .lost = Changes(parts_.metrics, "lost"),
               .idle = parts_.metrics.AddGauge(
                   "penstock_replicas_idle",
                   "1: there are more replicas than shards, and this one has "
                   "nothing to do.")}) {
  thread_ = StartThread("leases", [this](std::stop_token stop) { Run(std::move(stop)); });
}

LeasedOwnership::~LeasedOwnership() {
  Leave();
  {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, parts_.clock.Now() + kGoodbye, [&] { return left_; });
  }
  thread_.request_stop();
  thread_.join();
}

Result<Ownership::Change> LeasedOwnership::Next(Clock::Time deadline, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, deadline, [&] { return failure_ || !change_.empty(); });
  if (failure_) return *failure_;
  return std::exchange(change_, {});
}

void LeasedOwnership::Ended(ShardId shard) {
  std::lock_guard lock(mutex_);
  ended_.push_back(shard);
  changed_.notify_all();
}

void LeasedOwnership::Leave() {
  std::lock_guard lock(mutex_);
  leave_ = true;
  GiveBack();
  changed_.notify_all();
}

// What was taken and not told yet is nobody's to end.
void LeasedOwnership::GiveBack() {
  Append(ended_, std::exchange(change_.take, {}));
}

void LeasedOwnership::Hear(const std::string& key, const std::optional<io::KeyValueEntry>& entry) {
  std::lock_guard lock(mutex_);
  told_.emplace_back(key, entry);
  changed_.notify_all();
}

// --- The thread ----------------------------------------------------------------------------

Status LeasedOwnership::Watch(std::stop_token stop) {
  for (const std::string& prefix :
       {protocol::MemberPrefix(options_.stage), protocol::LeasePrefix(options_.stage)}) {
    PENSTOCK_ASSIGN_OR_RETURN(
        auto watch, WithPatience(
                        parts_.clock, stop,
                        [](const Error& error) {
                          Log(LogLevel::kWarn, "Waiting for the leases in the bucket.",
                              {{"error", error.detail}});
                        },
                        [&] {
                          return parts_.bucket.WatchPrefix(
                              prefix, [this](const std::string& key,
                                             const std::optional<io::KeyValueEntry>& entry) {
                                Hear(key, entry);
                              });
                        }));
    watches_.push_back(std::move(watch));
  }
  return Done{};
}

void LeasedOwnership::Run(std::stop_token stop) {
  const Status watching = Watch(stop);
  std::unique_lock lock(mutex_);
  if (!watching.ok()) {
    failure_ = watching.error();
    left_ = true;
    changed_.notify_all();
    return;
  }
  bool leaving = false;
  while (!left_ && !stop.stop_requested()) {
    const bool leave = leave_ && !std::exchange(leaving, leave_);
    std::vector<Told> told = std::exchange(told_, {});
    std::vector<ShardId> ended = std::exchange(ended_, {});
    lock.unlock();
    TakeIn(std::move(told), std::move(ended), leave);
    const Status stepped = keeper_.Step();
    const Change change = keeper_.TakeChange();
    lock.lock();
    Append(change_.take, change.take);
    Append(change_.give_up, change.give_up);
    Append(change_.lost, change.lost);
    if (leave_) GiveBack();
    if (!stepped.ok()) failure_ = stepped.error();
    left_ = keeper_.left();
    changed_.notify_all();
    if (left_) break;
    changed_.wait_until(lock, stop, keeper_.next(),
                        [&] { return !told_.empty() || !ended_.empty() || (leave_ && !leaving); });
  }
  lock.unlock();
  watches_.clear();
}

void LeasedOwnership::TakeIn(std::vector<Told> told, std::vector<ShardId> ended, bool leave) {
  for (const auto& [key, entry] : told) keeper_.Told(key, entry);
  for (const ShardId shard : ended) keeper_.Ended(shard);
  if (leave) keeper_.Leave();
}

}  // namespace penstock::stage
