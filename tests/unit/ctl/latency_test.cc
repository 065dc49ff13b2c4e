#include "ctl/latency.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock::ctl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

BucketCounts CountsOf(const std::vector<double>& bounds, const std::vector<double>& values) {
  BucketCounts counts;
  for (const double bound : bounds) {
    counts.Add(bound, static_cast<double>(std::ranges::count_if(
                          values, [&](double value) { return value <= bound; })));
  }
  return counts;
}

TEST(BucketCounts, NothingObservedHasNoQuantile) {
  EXPECT_FALSE(BucketCounts().Quantile(0.5).has_value());
  EXPECT_FALSE(CountsOf({1, kInfinity}, {}).Quantile(0.5).has_value());
}

TEST(BucketCounts, AQuantileIsInterpolatedWithinItsBucket) {
  BucketCounts counts;
  counts.Add(1, 10);
  counts.Add(2, 30);
  counts.Add(kInfinity, 30);
  EXPECT_DOUBLE_EQ(*counts.Quantile(0.5), 1.25);
  EXPECT_DOUBLE_EQ(*counts.Quantile(0.95), 1.925);
  EXPECT_DOUBLE_EQ(*counts.Quantile(1), 2);
}

TEST(BucketCounts, AboveTheLastBoundThatBoundIsAllThatIsKnown) {
  EXPECT_DOUBLE_EQ(*CountsOf({1, 2, kInfinity}, {50, 60, 70}).Quantile(0.5), 2);
}

TEST(BucketCounts, SinceLeavesOutWhatWasThereBefore) {
  const std::vector<double> bounds{1, 2, 4, kInfinity};
  const BucketCounts earlier = CountsOf(bounds, {0.5, 0.5, 0.5});
  const BucketCounts later = CountsOf(bounds, {0.5, 0.5, 0.5, 3, 3});
  EXPECT_DOUBLE_EQ(later.Since(earlier).count(), 2);
  EXPECT_GT(*later.Since(earlier).Quantile(0.01), 2);
}

// The law: a quantile lies in the bucket of the value that it stands for, and grows with q.
TEST(BucketCounts, AQuantileIsInTheBucketOfTheTrueOne) {
  const std::vector<double> bounds{0.5, 1, 2, 4, 8, kInfinity};
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937 random(seed);
    std::vector<double> values(1 + random() % 50);
    for (double& value : values) value = static_cast<double>(random() % 1000) / 130 + 0.001;
    std::ranges::sort(values);
    const BucketCounts counts = CountsOf(bounds, values);
    double last = 0;
    for (const double q : {0.1, 0.5, 0.9, 0.95, 1.0}) {
      const auto rank =
          static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size()) - 1e-9));
      const double exact = values[std::max<std::size_t>(rank, 1) - 1];
      const auto upper = std::ranges::lower_bound(bounds, exact);
      const double lower = upper == bounds.begin() ? 0 : *(upper - 1);
      ASSERT_LE(*counts.Quantile(q), *upper) << q;
      ASSERT_GE(*counts.Quantile(q), lower) << q;
      ASSERT_GE(*counts.Quantile(q), last) << q;
      last = *counts.Quantile(q);
    }
  }
}

}  // namespace
}  // namespace penstock::ctl
