#include "ctl/stage_view.h"

#include <algorithm>

#include "base/format.h"

namespace penstock::ctl {

Counts& Counts::operator+=(const Counts& other) {
  rows_in += other.rows_in;
  transform_in += other.transform_in;
  transform_out += other.transform_out;
  rows_inserted += other.rows_inserted;
  rows_filtered += other.rows_filtered;
  rows_duplicate += other.rows_duplicate;
  transform_duplicate += other.transform_duplicate;
  dead_letters += other.dead_letters;
  latency += other.latency;
  return *this;
}

void ReadPage(const MetricsPage& page, ProcessView& view) {
  const auto sum = [&](std::string_view name) { return page.Sum(name).value_or(0); };
  view.counts.rows_in = sum("penstock_ingestor_rows_in_total");
  view.counts.transform_in = sum("penstock_transform_rows_in_total");
  view.counts.transform_out = sum("penstock_transform_rows_out_total");
  view.transforms = page.Sum("penstock_transform_rows_in_total").has_value();
  view.joins = page.Sum("penstock_join_rows_dead_lettered_total").has_value();
  view.counts.rows_inserted = sum("penstock_sink_rows_out_total");
  view.counts.rows_filtered = sum("penstock_sink_rows_filtered_total");
  view.counts.rows_duplicate = sum("penstock_sink_rows_duplicate_total");
  view.counts.transform_duplicate = sum("penstock_transform_rows_duplicate_total");
  view.counts.dead_letters = sum("penstock_ingestor_rows_dead_lettered_total") +
                             sum("penstock_transform_rows_dead_lettered_total") +
                             sum("penstock_join_rows_dead_lettered_total") +
                             sum("penstock_sink_rows_dead_lettered_total");
  view.counts.latency = page.Buckets("penstock_end_to_end_seconds");
  view.lag_rows = page.Sum("penstock_kafka_lag_rows");
  view.partitions_known = page.Find("penstock_kafka_lag_rows").size();
  view.partitions = static_cast<std::size_t>(sum("penstock_kafka_assigned_partitions"));
  // Below 0 where an event is counted twice after a restart: nothing waits then.
  view.rows_in_flight = std::max(0.0, sum("penstock_ingestor_rows_in_flight")) +
                        std::max(0.0, sum("penstock_sink_rows_in_flight"));
  for (const MetricsPage::Series& reason : page.Find("penstock_sink_paused")) {
    if (reason.value > 0) view.paused.emplace_back(reason.label("reason"));
  }
}

void LifetimeCounts::Update(const ProcessView& view) {
  if (!view.reports) return;
  if (view.starts != life_) {
    ended_ += present_;
    life_ = view.starts;
  }
  present_ = view.counts;
}

Counts LifetimeCounts::total() const {
  Counts total = ended_;
  return total += present_;
}

std::optional<double> RunView::LagRows() const {
  std::optional<double> lag;
  for (const ProcessView& process : processes) {
    if (process.partitions_known < process.partitions) return std::nullopt;
    if (process.lag_rows) lag = lag.value_or(0) + *process.lag_rows;
  }
  return lag;
}

bool RunView::HasTransform() const {
  return std::ranges::any_of(processes, &ProcessView::transforms);
}

bool RunView::HasJoin() const {
  return std::ranges::any_of(processes, &ProcessView::joins);
}

std::vector<std::string> RunView::Paused() const {
  std::vector<std::string> reasons;
  for (const ProcessView& process : processes) {
    for (const std::string& reason : process.paused) {
      if (std::ranges::find(reasons, reason) == reasons.end()) reasons.push_back(reason);
    }
  }
  return reasons;
}

std::string WhyNotIdle(const RunView& view) {
  double in_flight = 0;
  for (const ProcessView& process : view.processes) {
    if (!process.reports) return fmt::format("{} does not answer", process.name);
    if (!process.why_not_ready.empty()) {
      return fmt::format("{} is not ready: {}", process.name, process.why_not_ready.front());
    }
    in_flight += process.rows_in_flight;
  }
  const auto lag = view.LagRows();
  if (!lag) return "the lag is not known of every partition";
  if (*lag > 0) return fmt::format("{:.0f} rows are not confirmed", *lag);
  if (in_flight > 0) return fmt::format("{:.0f} rows are in flight", in_flight);
  return "";
}

bool IdleWatch::Update(const RunView& view) {
  const bool moved = view.counts.rows_in != rows_in_;
  rows_in_ = view.counts.rows_in;
  if (moved || !WhyNotIdle(view).empty()) {
    since_.reset();
    return false;
  }
  if (!since_) since_ = view.at;
  return view.at - *since_ >= needed_;
}

}  // namespace penstock::ctl
