#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <span>

#include "model/batch.h"

namespace penstock::operators {

/// How long the first rows of dedup keys are needed: until every origin of the shard has passed
/// their time plus the window, by Kafka's timestamps of what Kafka's committed offset is above of
/// (below it nothing is ever read again). An origin without records for an hour, by the times at
/// which batches were made, is idle and holds nothing back. No clock of this machine is asked, so
/// that reading again gives the same answers. One owner thread.
class Retention {
 public:
  static constexpr std::int64_t kIdleAfterMs = 3'600'000;

  explicit Retention(std::chrono::nanoseconds window)
      : window_ms_(std::chrono::ceil<std::chrono::milliseconds>(window).count()) {}

  /// An origin that has been seen before this owner came: it counts as not passed until it is seen.
  void Expect(const Origin& origin) { origins_.try_emplace(origin); }

  /// A message, made at `created_ms`.
  void Take(std::span<const Section> sections, std::span<const std::int64_t> timestamps_ms,
            std::int64_t created_ms);

  /// First rows older than this are not needed any more; empty while none can be named.
  std::optional<std::int64_t> ForgetBefore() const;

 private:
  struct Mark {
    Offset last;                 // When the committed offset is above this...
    std::int64_t oldest_ms = 0;  // (the time at which the mark began)
    std::int64_t newest_ms = 0;  // ...the origin has passed this time.
  };
  struct State {
    std::optional<std::int64_t> seen_ms;  // When its last batch was made.
    std::optional<std::int64_t> passed_ms;
    std::deque<Mark> marks;
  };
  void AddMark(State& state, Offset last, std::int64_t newest_ms) const;
  static void Commit(State& state, Offset committed);

  const std::int64_t window_ms_;
  std::map<Origin, State> origins_;
  std::optional<std::int64_t> first_created_ms_;
  std::int64_t created_ms_ = std::numeric_limits<std::int64_t>::min();
};

}  // namespace penstock::operators
