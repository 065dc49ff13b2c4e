#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::testing {

/// What a process exposes on /metrics, to be asked by a test. Plain data.
class MetricsPage {
 public:
  using Labels = std::map<std::string, std::string>;

  MetricsPage() = default;
  explicit MetricsPage(std::string_view text);

  /// The sum over all series of the name that have these labels, among others; 0 without any.
  double Sum(std::string_view name, const Labels& labels = {}) const;
  bool Has(std::string_view name, const Labels& labels = {}) const;
  /// False: the process did not answer.
  bool answered() const { return !series_.empty(); }

 private:
  struct Series {
    std::string name;
    Labels labels;
    double value = 0;

    bool Matches(std::string_view wanted, const Labels& with) const;
  };
  static bool ParseLine(std::string_view line, Series& series);

  std::vector<Series> series_;
};

}  // namespace penstock::testing
