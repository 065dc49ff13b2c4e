#include "ctl/metrics_page.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace penstock::ctl {

namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

void SkipBlanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

std::string_view TakeName(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && IsNameCharacter(text[length])) ++length;
  const std::string_view name = text.substr(0, length);
  text.remove_prefix(length);
  return name;
}

bool TakeCharacter(std::string_view& text, char wanted) {
  SkipBlanks(text);
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

// A label's value: in quotes, with \\, \" and \n.
bool TakeQuoted(std::string_view& text, std::string& out) {
  if (!TakeCharacter(text, '"')) return false;
  while (!text.empty() && text.front() != '"') {
    char c = text.front();
    text.remove_prefix(1);
    if (c == '\\') {
      if (text.empty()) return false;
      c = text.front() == 'n' ? '\n' : text.front();
      text.remove_prefix(1);
    }
    out.push_back(c);
  }
  return TakeCharacter(text, '"');
}

bool TakeLabels(std::string_view& text, MetricsPage::Series& series) {
  while (!TakeCharacter(text, '}')) {
    SkipBlanks(text);
    auto& [name, value] = series.labels.emplace_back(TakeName(text), "");
    if (name.empty() || !TakeCharacter(text, '=') || !TakeQuoted(text, value)) return false;
    TakeCharacter(text, ',');
  }
  return true;
}

// A number as from_chars reads it, which knows inf and nan but no plus sign.
bool ReadNumber(std::string_view text, double& out) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// name{label="value",…} value [timestamp]
bool ParseLine(std::string_view line, MetricsPage::Series& series) {
  series.name = TakeName(line);
  if (series.name.empty()) return false;
  if (TakeCharacter(line, '{') && !TakeLabels(line, series)) return false;
  SkipBlanks(line);
  return ReadNumber(line.substr(0, line.find_first_of(" \t")), series.value);
}

}  // namespace

std::string_view MetricsPage::Series::label(std::string_view label_name) const {
  for (const auto& [name_of, value_of] : labels) {
    if (name_of == label_name) return value_of;
  }
  return {};
}

Result<MetricsPage> MetricsPage::Parse(std::string_view text) {
  MetricsPage page;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    SkipBlanks(line);
    if (line.empty() || line.front() == '#') continue;
    if (!ParseLine(line, page.series_.emplace_back())) {
      return Error{Remedy::kRetry, "metrics",
                   fmt::format("line {} of the metrics is none: \"{}\"", number, line)};
    }
  }
  std::ranges::stable_sort(page.series_, {}, &Series::name);
  return page;
}

std::span<const MetricsPage::Series> MetricsPage::Find(std::string_view name) const {
  const auto found = std::ranges::equal_range(
      series_, name, {}, [](const Series& series) -> std::string_view { return series.name; });
  return {found.begin(), found.end()};
}

std::optional<double> MetricsPage::Sum(std::string_view name) const {
  std::optional<double> sum;
  for (const Series& series : Find(name)) sum = sum.value_or(0) + series.value;
  return sum;
}

BucketCounts MetricsPage::Buckets(std::string_view name) const {
  BucketCounts buckets;
  for (const Series& series : Find(fmt::format("{}_bucket", name))) {
    double bound = 0;
    if (ReadNumber(series.label("le"), bound)) buckets.Add(bound, series.value);
  }
  return buckets;
}

}  // namespace penstock::ctl
