#include "sink/bisect_pace.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace penstock::sink {

Clock::Duration BisectPace::Refused(Clock::Time now) {
  std::lock_guard lock(mutex_);
  const std::chrono::duration<double> quiet = now - std::exchange(at_, std::max(at_, now));
  refused_ = std::max(0.0, refused_ - std::max(0.0, quiet.count()) * options_.a_second) + 1;
  if (refused_ <= options_.free) return {};
  const double doubled = std::floor((refused_ - options_.free) / options_.doubling);
  const std::chrono::duration<double> wait =
      std::min<std::chrono::duration<double>>(options_.first * std::exp2(doubled), options_.most);
  return std::chrono::duration_cast<Clock::Duration>(wait);
}

}  // namespace penstock::sink
