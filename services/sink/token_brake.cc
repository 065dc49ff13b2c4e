#include "sink/token_brake.h"

#include <algorithm>
#include <utility>

namespace penstock::sink {

void TokenBrake::SetWindow(clickhouse::TokenWindow window) {
  const std::lock_guard lock(mutex_);
  if (window_ == window) return;
  window_ = window;
  changed_.notify_all();
}

void TokenBrake::Inserted() {
  const std::lock_guard lock(mutex_);
  tokens_ += parts_per_insert_;
  ++inserts_since_measured_;
}

void TokenBrake::Measured(double parts) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t inserts = std::exchange(inserts_since_measured_, 0);
  // Without inserts of our own there is nothing to learn, and nothing that we add to.
  if (inserts > 0) parts_per_insert_ = std::max(1.0, parts / static_cast<double>(inserts));
}

bool TokenBrake::PressedLocked() const {
  if (window_.blocks == 0 || unanswered_.empty()) return false;
  const Mark& oldest = unanswered_.front();
  if (tokens_ - oldest.tokens > static_cast<double>(window_.blocks) / 2) return true;
  const auto age = clock_.Now() - oldest.time;
  return window_.seconds > 0 && age > std::chrono::seconds(window_.seconds) / 2;
}

bool TokenBrake::pressed() const {
  const std::lock_guard lock(mutex_);
  return PressedLocked();
}

bool TokenBrake::WaitUntilFree(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  return changed_.wait(lock, stop, [&] { return !PressedLocked(); });
}

void TokenBrake::Unanswered::Begin() {
  if (mark_) return;
  const std::lock_guard lock(owner_.mutex_);
  mark_ =
      owner_.unanswered_.insert(owner_.unanswered_.end(), {owner_.tokens_, owner_.clock_.Now()});
}

void TokenBrake::Unanswered::End() {
  if (!mark_) return;
  const std::lock_guard lock(owner_.mutex_);
  owner_.unanswered_.erase(*mark_);
  mark_.reset();
  owner_.changed_.notify_all();
}

}  // namespace penstock::sink
