#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace penstock::ingestor {

/// How far the time of a partition has come, by Kafka's timestamps: what a join behind waits for.
/// Never goes back. A value; one thread.
///
/// It is the newest timestamp that was put into a section. Where everything that Kafka has was
/// read, it goes on with the machine's clock: from there for a minute, so that a topic that is
/// written again with its old timestamps has its own time, and then, or when no record came at all,
/// as that clock: what comes next is of now.
class PartitionClock {
 public:
  static constexpr std::chrono::seconds kItsOwnTime{60};

  /// A record was put into a section; a negative timestamp is none.
  void Took(std::int64_t timestamp_ms) { newest_ms_ = std::max(newest_ms_, timestamp_ms); }

  /// Nothing is left to read.
  void ReachedEnd(const Clock& clock) {
    end_since_ = clock.Now();
    if (!first_end_) first_end_ = end_since_;
  }
  /// There are records again, or nobody knows.
  void LeaveEnd(const Clock& clock) {
    Settle(clock);
    end_since_.reset();
    first_end_.reset();
  }
  /// Kafka may have records that it cannot give just now: until then time does not go on by itself.
  void Hold(const Clock& clock, Clock::Time until) {
    Settle(clock);
    held_until_ = until;
  }

  /// Empty: nothing is known yet.
  std::optional<std::int64_t> NowMs(const Clock& clock) const {
    const Clock::Time now = clock.Now();
    const bool goes_on = end_since_.has_value() && now >= held_until_;
    if (newest_ms_ < 0) return goes_on ? std::optional(clock.WallMs()) : std::nullopt;
    if (!goes_on) return newest_ms_;
    const std::int64_t on =
        newest_ms_ +
        std::chrono::duration_cast<std::chrono::milliseconds>(now - *end_since_).count();
    return now - *first_end_ < kItsOwnTime ? on : std::max(on, clock.WallMs());
  }

 private:
  // What was told stays true.
  void Settle(const Clock& clock) {
    newest_ms_ = NowMs(clock).value_or(newest_ms_);
    if (end_since_) end_since_ = clock.Now();
  }

  std::int64_t newest_ms_ = -1;
  std::optional<Clock::Time> end_since_;
  std::optional<Clock::Time> first_end_;  // Of this stay at the end; end_since_ may be later.
  Clock::Time held_until_ = Clock::Time::min();
};

}  // namespace penstock::ingestor
