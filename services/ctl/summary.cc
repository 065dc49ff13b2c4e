#include "ctl/summary.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "ctl/status_line.h"

namespace penstock::ctl {

namespace {

std::string Quoted(const std::string& text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

double PerMillion(double cpu_seconds, std::uint64_t rows) {
  return rows == 0 ? 0 : cpu_seconds * 1e6 / static_cast<double>(rows);
}

// One entry a stage: CPU of all its processes, the peak of its largest.
std::vector<ProcessUse> ByStage(const std::vector<ProcessUse>& processes) {
  std::vector<ProcessUse> stages;
  for (const ProcessUse& process : processes) {
    auto stage = std::ranges::find(stages, process.stage, &ProcessUse::stage);
    if (stage == stages.end()) {
      stage =
          stages.insert(stages.end(), ProcessUse{.name = process.stage, .stage = process.stage});
    }
    stage->starts += process.starts;
    stage->cpu_seconds += process.cpu_seconds;
    stage->peak_resident_bytes = std::max(stage->peak_resident_bytes, process.peak_resident_bytes);
  }
  return stages;
}

std::string JsonUses(const std::vector<ProcessUse>& uses, std::uint64_t rows) {
  std::string out;
  for (const ProcessUse& use : uses) {
    out += fmt::format(
        "{}\n  {{\"name\": {}, \"stage\": {}, \"starts\": {}, \"cpu_seconds\": {:.3f}, "
        "\"cpu_seconds_per_million_rows\": {:.3f}, \"peak_resident_bytes\": {}}}",
        out.empty() ? "" : ",", Quoted(use.name), Quoted(use.stage), use.starts, use.cpu_seconds,
        PerMillion(use.cpu_seconds, rows), use.peak_resident_bytes);
  }
  return out;
}

std::string JsonNumber(const std::optional<double>& number) {
  return number ? fmt::format("{:.4f}", *number) : "null";
}

}  // namespace

double Summary::RowsPerSecond() const {
  return seconds > 0 ? static_cast<double>(rows_in) / seconds : 0;
}

std::string SummaryText(const Summary& summary) {
  std::string out = fmt::format(
      "rows in        {}\nrows inserted  {}\ndead letters   {}\nfiltered       {}\n"
      "duplicates     {}\nseconds        {:.1f}\nrows a second  {}\n",
      Grouped(static_cast<double>(summary.rows_in)),
      Grouped(static_cast<double>(summary.rows_inserted)),
      Grouped(static_cast<double>(summary.dead_letters)),
      Grouped(static_cast<double>(summary.rows_filtered)),
      Grouped(static_cast<double>(summary.rows_duplicate)), summary.seconds,
      Grouped(summary.RowsPerSecond()));
  if (summary.latency_p50_seconds && summary.latency_p95_seconds) {
    out += fmt::format("latency        p50 {}, p95 {} from Kafka's timestamp to the insert\n",
                       SecondsText(*summary.latency_p50_seconds),
                       SecondsText(*summary.latency_p95_seconds));
  }
  if (!summary.exact) {
    out += "               (as the processes counted: the shards' account could not be read)\n";
  }
  std::size_t width = 14;
  for (const ProcessUse& use : summary.processes) width = std::max(width, use.name.size());
  out += fmt::format("\n{:<{}} {:>8} {:>14} {:>12} {:>7}\n", "process", width, "CPU s",
                     "CPU s/million", "peak memory", "starts");
  for (const ProcessUse& use : summary.processes) {
    out += fmt::format("{:<{}} {:>8.2f} {:>14.2f} {:>8} MiB {:>7}\n", use.name, width,
                       use.cpu_seconds, PerMillion(use.cpu_seconds, summary.rows_in),
                       (use.peak_resident_bytes + (1 << 20) - 1) >> 20, use.starts);
  }
  return out;
}

std::string SummaryJson(const Summary& summary) {
  return fmt::format(
      "{{\"pipeline_id\": {}, \"ended\": {}, \"exact\": {},\n"
      " \"rows_in\": {}, \"rows_inserted\": {}, \"rows_filtered\": {}, \"rows_duplicate\": {},\n"
      " \"dead_letters\": {}, \"seconds\": {:.3f}, \"run_seconds\": {:.3f}, "
      "\"rows_per_second\": {:.1f},\n"
      " \"latency_p50_seconds\": {}, \"latency_p95_seconds\": {},\n"
      " \"stages\": [{}],\n \"processes\": [{}]}}\n",
      Quoted(summary.pipeline_id), Quoted(summary.ended), summary.exact, summary.rows_in,
      summary.rows_inserted, summary.rows_filtered, summary.rows_duplicate, summary.dead_letters,
      summary.seconds, summary.run_seconds, summary.RowsPerSecond(),
      JsonNumber(summary.latency_p50_seconds), JsonNumber(summary.latency_p95_seconds),
      JsonUses(ByStage(summary.processes), summary.rows_in),
      JsonUses(summary.processes, summary.rows_in));
}

}  // namespace penstock::ctl
