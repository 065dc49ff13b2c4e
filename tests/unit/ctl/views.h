#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "ctl/stage_view.h"

namespace penstock::ctl {

/// `seconds` after the beginning of a test's time.
inline Clock::Time At(double seconds) {
  return Clock::Time{} + std::chrono::duration_cast<Clock::Duration>(
                             std::chrono::duration<double>(1'000 + seconds));
}

inline ProcessView Ingestor(double rows_in, double lag) {
  ProcessView view;
  view.name = "ingestor-0";
  view.reports = true;
  view.starts = 1;
  view.counts.rows_in = rows_in;
  view.lag_rows = lag;
  view.partitions = view.partitions_known = 3;
  return view;
}

inline ProcessView Sink(double rows_inserted) {
  ProcessView view;
  view.name = "sink-0";
  view.reports = true;
  view.starts = 1;
  view.counts.rows_inserted = rows_inserted;
  return view;
}

/// A run of one ingestor and one sink, all well.
inline RunView RunAt(double seconds, double rows_in, double rows_inserted) {
  RunView run;
  run.at = At(seconds);
  run.processes = {Ingestor(rows_in, rows_in - rows_inserted), Sink(rows_inserted)};
  for (const ProcessView& process : run.processes) run.counts += process.counts;
  return run;
}

}  // namespace penstock::ctl
