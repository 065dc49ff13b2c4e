#pragma once

#include <map>
#include <optional>

namespace penstock::ctl {

/// The buckets of a Prometheus histogram: how many observations were at most each bound. Plain
/// data; the bounds are those of one kind of histogram.
class BucketCounts {
 public:
  /// `count` observations were at most `bound`; adds to what that bound has.
  void Add(double bound, double count) { at_most_[bound] += count; }
  BucketCounts& operator+=(const BucketCounts& other);
  /// What was observed since `earlier`, a state of the same histograms.
  BucketCounts Since(const BucketCounts& earlier) const;

  double count() const { return at_most_.empty() ? 0 : at_most_.rbegin()->second; }
  /// The value that the share `q` (0 to 1) of the observations does not exceed, taken as evenly
  /// spread within its bucket, as Prometheus' histogram_quantile does; above the last finite bound
  /// that bound. nullopt: nothing was observed.
  std::optional<double> Quantile(double q) const;

 private:
  std::map<double, double> at_most_;
};

}  // namespace penstock::ctl
