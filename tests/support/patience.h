#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/wait.h"
#include "io/key_value.h"

namespace penstock::testing {

/// How long a test waits for what must come.
inline constexpr std::chrono::seconds kPatience{60};

inline Clock::Time In(Clock::Duration duration) {
  return SystemClock().Now() + duration;
}

template <typename T>
std::string_view CodeOf(const Result<T>& result) {
  return result.ok() ? std::string_view("ok") : result.error().code;
}

/// Asks again until `what` holds; false when patience is over.
template <typename Condition>
bool Eventually(Condition what, Clock::Duration patience = kPatience) {
  for (const Clock::Time deadline = In(patience); !what();) {
    if (SystemClock().Now() > deadline) return false;
    WaitUntil(In(std::chrono::milliseconds(5)), {});
  }
  return true;
}

/// What a watch told, in order. Thread-safe.
class ChangeLog {
 public:
  using Change = std::pair<std::string, std::optional<std::string>>;

  io::KeyValue::ChangeCallback Callback() {
    return [this](const std::string& key, const std::optional<io::KeyValueEntry>& entry) {
      std::lock_guard lock(mutex_);
      std::optional<std::string> value;
      if (entry.has_value()) value = entry->value;
      last_[key] = value;
      changes_.emplace_back(key, value);
      changed_.notify_all();
    };
  }
  /// Waits until the last that was told of `key` is `value` (none: removed).
  bool WaitFor(const std::string& key, const std::optional<std::string>& value) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, In(kPatience), [&] {
      const auto found = last_.find(key);
      return found != last_.end() && found->second == value;
    });
  }
  std::vector<Change> changes() {
    std::lock_guard lock(mutex_);
    return changes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::optional<std::string>> last_;
  std::vector<Change> changes_;
};

}  // namespace penstock::testing
