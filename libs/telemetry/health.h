#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace penstock {

/// What the probes of a process say. Live: every loop has beaten within the last 30 s; a loop
/// that waits for a slow server beats while it waits, for that is not death. Ready: every
/// condition holds, and there is at least one. Handles may outlive it. Thread-safe.
class Health {
 public:
  static constexpr auto kLongestSilence = std::chrono::seconds(30);

 private:
  struct Loop {
    std::string name;
    std::atomic<Clock::Time::rep> last{0};
  };
  struct Fact {
    std::string name;
    std::string reason;  // Empty: it holds. Guarded by the mutex of the table.
  };
  struct Tables;

 public:
  /// A loop's pulse; the loop is no longer watched when this is destroyed.
  class [[nodiscard]] Heartbeat {
   public:
    Heartbeat() = default;
    /// Cheap: once a turn of the loop, and at least every 10 s of any wait.
    void Beat() const;

   private:
    friend class Health;
    const Clock* clock_ = nullptr;
    std::shared_ptr<Loop> loop_;  // The table has a weak reference.
  };

  /// One thing that must hold before this process is of use; gone when this is destroyed.
  class [[nodiscard]] Condition {
   public:
    Condition() = default;
    void Holds() const { Set(""); }
    /// `reason` completes "not ready: <name>: …".
    void Fails(std::string_view reason) const { Set(reason.empty() ? "not yet" : reason); }

   private:
    friend class Health;
    void Set(std::string_view reason) const;
    std::shared_ptr<Tables> tables_;  // Shared with Health, for its mutex.
    std::shared_ptr<Fact> fact_;      // The table has a weak reference.
  };

  explicit Health(const Clock& clock = SystemClock());

  Heartbeat Watch(std::string name);
  /// Fails with "not yet" until the first call of Holds.
  Condition Require(std::string name);

  /// What speaks against it, a sentence each; empty: live, ready.
  std::vector<std::string> WhyNotLive() const;
  std::vector<std::string> WhyNotReady() const;

 private:
  const Clock& clock_;
  std::shared_ptr<Tables> tables_;  // Shared with the conditions.
};

}  // namespace penstock
