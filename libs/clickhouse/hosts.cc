#include "clickhouse/hosts.h"

#include <utility>

#include "base/check.h"

namespace penstock::clickhouse {

Hosts::Hosts(std::vector<std::string> names, const Clock& clock) : clock_(clock) {
  PENSTOCK_CHECK(!names.empty(), "a connection has a host");
  for (std::string& name : names) hosts_.emplace_back().name = std::move(name);
}

std::optional<Hosts::Visit> Hosts::Next(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  std::optional<std::size_t> chosen;
  changed_.wait(lock, stop, [&] { return (chosen = Choose()).has_value(); });
  if (!chosen || stop.stop_requested()) return std::nullopt;
  Host& host = hosts_[*chosen];
  ++host.requests;
  // Alone, a host that does not answer has nobody to hand over to.
  const bool fresh = host.well && clock_.Now() - host.answered < kFresh;
  const bool doubtful = hosts_.size() > 1 && !fresh;
  host.probing |= doubtful;
  return std::optional<Visit>(std::in_place, *this, *chosen, doubtful);
}

// A host that is due to be asked again comes first, else it never would be; then the well one with
// the fewest requests; then, with nobody well, whose turn comes next. Nothing when all are busy.
std::optional<std::size_t> Hosts::Choose() {
  const Clock::Time now = clock_.Now();
  std::optional<std::size_t> best;
  std::optional<std::size_t> soonest;
  bool some_well = false;
  ++turn_;
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    const std::size_t index = (i + turn_) % hosts_.size();
    const Host& host = hosts_[index];
    some_well |= host.well;
    if (host.requests >= kMostAtOnce) continue;
    if (!host.well) {
      if (!host.probing && host.retry_at <= now) return index;
      if (!soonest || host.retry_at < hosts_[*soonest].retry_at) soonest = index;
      continue;
    }
    if (!best || host.requests < hosts_[*best].requests) best = index;
  }
  return some_well ? best : soonest;
}

std::size_t Hosts::well() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Host& host : hosts_) count += host.well ? 1 : 0;
  return count;
}

void Hosts::Leave(std::size_t index, std::optional<bool> well) {
  const std::lock_guard lock(mutex_);
  Host& host = hosts_[index];
  --host.requests;
  host.probing = false;
  changed_.notify_all();
  if (!well) return;
  host.well = *well;
  if (*well) {
    host.answered = clock_.Now();
    host.backoff.Reset();
  } else {
    host.retry_at = clock_.Now() + host.backoff.Next();
  }
}

Hosts::Visit::Visit(Visit&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      index_(other.index_),
      doubtful_(other.doubtful_) {}

Hosts::Visit::~Visit() {
  if (owner_ != nullptr) owner_->Leave(index_, std::nullopt);
}

const std::string& Hosts::Visit::host() const {
  return owner_->hosts_[index_].name;
}

void Hosts::Visit::Well() {
  std::exchange(owner_, nullptr)->Leave(index_, true);
}

void Hosts::Visit::Unwell() {
  std::exchange(owner_, nullptr)->Leave(index_, false);
}

}  // namespace penstock::clickhouse
