#include "ctl/latency.h"

#include <algorithm>
#include <cmath>

namespace penstock::ctl {

BucketCounts& BucketCounts::operator+=(const BucketCounts& other) {
  for (const auto& [bound, count] : other.at_most_) at_most_[bound] += count;
  return *this;
}

BucketCounts BucketCounts::Since(const BucketCounts& earlier) const {
  BucketCounts since;
  for (const auto& [bound, count] : at_most_) {
    const auto before = earlier.at_most_.find(bound);
    since.at_most_[bound] =
        std::max(0.0, before == earlier.at_most_.end() ? count : count - before->second);
  }
  return since;
}

std::optional<double> BucketCounts::Quantile(double q) const {
  const double rank = std::clamp(q, 0.0, 1.0) * count();
  if (!(count() > 0)) return std::nullopt;
  double lower_bound = 0;
  double lower_count = 0;
  for (const auto& [bound, count] : at_most_) {
    if (std::isinf(bound)) break;
    if (count >= rank && count > lower_count) {
      return lower_bound + (bound - lower_bound) * (rank - lower_count) / (count - lower_count);
    }
    lower_bound = bound;
    lower_count = count;
  }
  return lower_bound;
}

}  // namespace penstock::ctl
