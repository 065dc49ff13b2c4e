#include "support/metrics_page.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace penstock::testing {

MetricsPage::MetricsPage(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    Series series;
    if (!line.empty() && line.front() != '#' && ParseLine(line, series)) {
      series_.push_back(std::move(series));
    }
  }
}

// name{label="value",other="value"} number. Labels of ours hold no quotes or braces.
bool MetricsPage::ParseLine(std::string_view line, Series& series) {
  const std::size_t value_at = line.rfind(' ');
  if (value_at == line.npos) return false;
  series.value = std::strtod(std::string(line.substr(value_at + 1)).c_str(), nullptr);
  const std::string_view head = line.substr(0, value_at);
  const std::size_t brace = std::min(head.find('{'), head.size());
  series.name = head.substr(0, brace);
  for (std::size_t at = brace + 1; at < head.size();) {
    const std::size_t equals = head.find("=\"", at);
    if (equals == head.npos) break;
    const std::size_t quote = head.find('"', equals + 2);
    if (quote == head.npos) return false;
    series.labels.emplace(head.substr(at, equals - at),
                          head.substr(equals + 2, quote - equals - 2));
    at = quote + 2;
  }
  return true;
}

bool MetricsPage::Series::Matches(std::string_view wanted, const Labels& with) const {
  return name == wanted && std::ranges::all_of(with, [this](const auto& label) {
           const auto found = labels.find(label.first);
           return found != labels.end() && found->second == label.second;
         });
}

double MetricsPage::Sum(std::string_view name, const Labels& labels) const {
  double sum = 0;
  for (const Series& series : series_) {
    if (series.Matches(name, labels)) sum += series.value;
  }
  return sum;
}

bool MetricsPage::Has(std::string_view name, const Labels& labels) const {
  return std::ranges::any_of(series_,
                             [&](const Series& series) { return series.Matches(name, labels); });
}

}  // namespace penstock::testing
