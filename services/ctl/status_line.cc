#include "ctl/status_line.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/format.h"

namespace penstock::ctl {

namespace {

double SecondsBetween(Clock::Time from, Clock::Time to) {
  return std::chrono::duration<double>(to - from).count();
}

std::string ElapsedText(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

std::string Grouped(double number) {
  std::string digits = fmt::format("{:.0f}", std::max(0.0, number));
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string SecondsText(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 100) return fmt::format("{:.2f} s", seconds);
  const auto whole = std::llround(seconds);
  return fmt::format("{} m {} s", whole / 60, whole % 60);
}

std::string StatusLine(const RunView& earlier, const RunView& later, Clock::Time start) {
  const double seconds = SecondsBetween(earlier.at, later.at);
  const auto rate = [&](double before, double now) {
    return Grouped(seconds > 0 ? (now - before) / seconds : 0);
  };
  std::string line = ElapsedText(SecondsBetween(start, later.at));
  const auto paused = later.Paused();
  if (!paused.empty()) line += fmt::format("  paused: {}", fmt::join(paused, ", "));
  const auto lag = later.LagRows();
  line += fmt::format("  in {}/s", rate(earlier.counts.rows_in, later.counts.rows_in));
  if (later.HasTransform()) {
    line += fmt::format("  transform {}/s → {}/s",
                        rate(earlier.counts.transform_in, later.counts.transform_in),
                        rate(earlier.counts.transform_out, later.counts.transform_out));
  }
  line += fmt::format("  inserted {}/s  lag {}",
                      rate(earlier.counts.rows_inserted, later.counts.rows_inserted),
                      lag ? Grouped(*lag) : "?");
  const BucketCounts latency = later.counts.latency.Since(earlier.counts.latency);
  const auto median = latency.Quantile(0.5);
  line += median ? fmt::format("  p50 {}  p95 {}", SecondsText(*median),
                               SecondsText(*latency.Quantile(0.95)))
                 : "  p50 -  p95 -";
  line += fmt::format("  dead letters {}", Grouped(later.counts.dead_letters));
  if (later.HasTransform() || later.HasJoin()) {
    line += fmt::format(
        "  filtered {}  duplicates {}", Grouped(later.counts.rows_filtered),
        Grouped(later.HasJoin() ? later.counts.transform_duplicate : later.counts.rows_duplicate));
  }
  line += fmt::format("  total {}", Grouped(later.counts.rows_inserted));
  for (const ProcessView& process : later.processes) {
    if (!process.reports) line += fmt::format("  {} does not answer", process.name);
  }
  return line;
}

}  // namespace penstock::ctl
