#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ctl/latency.h"

namespace penstock::ctl {

/// A page of metrics in Prometheus' text format 0.0.4, read: what a process said of itself at one
/// moment.
class MetricsPage {
 public:
  struct Series {
    std::string name;
    std::vector<std::pair<std::string, std::string>> labels;
    double value = 0;

    /// Empty: it has no such label.
    std::string_view label(std::string_view label_name) const;
  };

  /// Error code "metrics", remedy kRetry: the text is no such page, with the line.
  static Result<MetricsPage> Parse(std::string_view text);

  /// All series of that name, in the order of the page.
  std::span<const Series> Find(std::string_view name) const;
  /// Their values added up; nullopt: there is none.
  std::optional<double> Sum(std::string_view name) const;
  /// The buckets of all histograms of that name, added up.
  BucketCounts Buckets(std::string_view name) const;

 private:
  std::vector<Series> series_;  // Sorted by name.
};

}  // namespace penstock::ctl
