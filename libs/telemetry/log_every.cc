#include <algorithm>
#include <utility>
#include <vector>

#include "telemetry/log.h"

namespace penstock {

namespace {

// Keys are shards, partitions and reasons; more of them at once are somebody's mistake, which
// then costs the counts of the longest silent one.
constexpr std::size_t kMaxKeys = 4096;

}  // namespace

bool LogEvery::LogFor(std::string_view key, LogLevel level, std::string_view sentence,
                      LogFields fields) {
  if (!LogEnabled(level)) return false;
  const Clock::Time now = clock_.Now();
  std::uint64_t suppressed = 0;
  {
    std::lock_guard lock(mutex_);
    const auto found = last_.find(key);
    if (found != last_.end()) {
      Last& last = found->second;
      if (now - last.time < interval_) {
        ++last.suppressed;
        return false;
      }
      suppressed = std::exchange(last.suppressed, 0);
      last.time = now;
    } else {
      if (last_.size() >= kMaxKeys) {
        last_.erase(std::ranges::min_element(last_, {},
                                             [](const auto& entry) { return entry.second.time; }));
      }
      last_.emplace(key, Last{now, 0});
    }
  }
  if (suppressed == 0) {
    penstock::Log(level, sentence, fields);
  } else {
    std::vector<LogField> all(fields.begin(), fields.end());
    all.push_back({"suppressed", suppressed});
    penstock::Log(level, sentence, LogFields(all));
  }
  return true;
}

void LogEvery::Reset(std::string_view key) {
  std::lock_guard lock(mutex_);
  const auto found = last_.find(key);
  if (found != last_.end()) last_.erase(found);
}

}  // namespace penstock
