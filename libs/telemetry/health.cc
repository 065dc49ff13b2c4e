#include "telemetry/health.h"

#include <algorithm>

#include "base/format.h"

namespace penstock {

struct Health::Tables {
  std::mutex mutex;
  std::vector<std::weak_ptr<Loop>> loops;  // Guarded by mutex, as are facts and their reasons.
  std::vector<std::weak_ptr<Fact>> facts;
};

namespace {

// The entries that somebody still holds; the others go.
template <typename T>
std::vector<std::shared_ptr<T>> Living(std::vector<std::weak_ptr<T>>& table) {
  std::vector<std::shared_ptr<T>> living;
  std::erase_if(table, [&](const std::weak_ptr<T>& entry) {
    if (auto held = entry.lock()) living.push_back(std::move(held));
    return entry.expired();
  });
  return living;
}

}  // namespace

Health::Health(const Clock& clock) : clock_(clock), tables_(std::make_shared<Tables>()) {}

void Health::Heartbeat::Beat() const {
  if (loop_) loop_->last.store(clock_->Now().time_since_epoch().count(), std::memory_order_relaxed);
}

void Health::Condition::Set(std::string_view reason) const {
  if (!fact_) return;
  std::lock_guard lock(tables_->mutex);
  fact_->reason = reason;
}

Health::Heartbeat Health::Watch(std::string name) {
  Heartbeat heartbeat;
  heartbeat.clock_ = &clock_;
  heartbeat.loop_ = std::make_shared<Loop>();
  heartbeat.loop_->name = std::move(name);
  heartbeat.Beat();
  std::lock_guard lock(tables_->mutex);
  tables_->loops.push_back(heartbeat.loop_);
  return heartbeat;
}

Health::Condition Health::Require(std::string name) {
  Condition condition;
  condition.tables_ = tables_;
  condition.fact_ = std::make_shared<Fact>();
  condition.fact_->name = std::move(name);
  condition.fact_->reason = "not yet";
  std::lock_guard lock(tables_->mutex);
  tables_->facts.push_back(condition.fact_);
  return condition;
}

std::vector<std::string> Health::WhyNotLive() const {
  const Clock::Time now = clock_.Now();
  std::vector<std::string> why;
  std::lock_guard lock(tables_->mutex);
  for (const auto& loop : Living(tables_->loops)) {
    const Clock::Time last{Clock::Duration(loop->last.load(std::memory_order_relaxed))};
    if (now - last <= kLongestSilence) continue;
    const auto silent = std::chrono::duration_cast<std::chrono::seconds>(now - last).count();
    why.push_back(fmt::format("{}: no heartbeat for {} s", loop->name, silent));
  }
  return why;
}

std::vector<std::string> Health::WhyNotReady() const {
  std::vector<std::string> why;
  std::lock_guard lock(tables_->mutex);
  const auto facts = Living(tables_->facts);
  if (facts.empty()) why.emplace_back("starting: nothing is set up yet");
  for (const auto& fact : facts) {
    if (!fact->reason.empty()) why.push_back(fmt::format("{}: {}", fact->name, fact->reason));
  }
  return why;
}

}  // namespace penstock
