#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "clickhouse/table.h"

namespace penstock::sink {

/// Keeps the table from forgetting an insert whose answer is missing: each new insert pushes old
/// tokens out of the table's window. When half of it has gone by since the oldest such insert
/// began, new blocks wait until that one is settled. Counted as the table counts, tokens (one a
/// part) and seconds, of this process. Thread-safe.
class TokenBrake {
  /// When an insert began that has no answer.
  struct Mark {
    double tokens;
    Clock::Time time;
  };

 public:
  explicit TokenBrake(const Clock& clock) : clock_(clock) {}

  /// What the table remembers; `blocks` 0: nothing, and there is nothing to keep.
  void SetWindow(clickhouse::TokenWindow window);
  /// An insert of this process went through.
  void Inserted();
  /// So many parts have come into the table since the last call, of all who write into it.
  void Measured(double parts);

  /// An insert that may have been applied, while this lives. One owner thread.
  class [[nodiscard]] Unanswered {
   public:
    explicit Unanswered(TokenBrake& owner) : owner_(owner) {}
    ~Unanswered() { End(); }
    Unanswered(const Unanswered&) = delete;
    Unanswered& operator=(const Unanswered&) = delete;

    /// From the first time on.
    void Begin();
    void End();

   private:
    TokenBrake& owner_;
    std::optional<std::list<Mark>::iterator> mark_;
  };

  /// Whether new blocks have to wait now.
  bool pressed() const;
  /// Waits while they have to; false after the stop.
  bool WaitUntilFree(std::stop_token stop);

 private:
  bool PressedLocked() const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_:
  clickhouse::TokenWindow window_;
  double tokens_ = 0;  // Used up since the start.
  double parts_per_insert_ = 1;
  std::uint64_t inserts_since_measured_ = 0;
  std::list<Mark> unanswered_;  // The oldest first.
};

}  // namespace penstock::sink
