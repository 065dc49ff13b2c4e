#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "ctl/latency.h"
#include "ctl/metrics_page.h"

namespace penstock::ctl {

/// What only grows, over the stages of a run.
struct Counts {
  double rows_in = 0;        ///< Read from Kafka.
  double transform_in = 0;   ///< Rows that the transform has read, repeats with them.
  double transform_out = 0;  ///< Of those, the ones that stayed.
  double rows_inserted = 0;  ///< Confirmed in ClickHouse.
  double rows_filtered = 0;  ///< Accounted for by the sink, as are duplicates.
  double rows_duplicate = 0;
  double transform_duplicate = 0;  ///< Of the transform: in front of a join nobody else tells.
  double dead_letters = 0;
  BucketCounts latency;  ///< Kafka's timestamp to confirmed insert, in seconds.

  Counts& operator+=(const Counts& other);
};

/// One look at one process.
struct ProcessView {
  std::string name;          ///< "sink-0".
  bool reports = false;      ///< It answered; else the rest is empty.
  std::uint64_t starts = 0;  ///< Which life of it this is.
  Counts counts;
  std::optional<double> lag_rows;    ///< Of its partitions; nullopt: none is known.
  std::size_t partitions = 0;        ///< Assigned to it.
  std::size_t partitions_known = 0;  ///< Those whose lag it knows.
  double rows_in_flight = 0;
  bool transforms = false;                 ///< It is a transform.
  bool joins = false;                      ///< It is a join.
  std::vector<std::string> paused;         ///< Why inserts wait.
  std::vector<std::string> why_not_ready;  ///< A sentence each; empty: it is ready.
};

/// Reads a stage's page into `view`, whatever stage it is.
void ReadPage(const MetricsPage& page, ProcessView& view);

/// Adds up a process's counts over its lives: a counter starts at 0 with each of them.
class LifetimeCounts {
 public:
  void Update(const ProcessView& view);
  Counts total() const;

 private:
  std::uint64_t life_ = 0;
  Counts ended_;    // Of the lives before.
  Counts present_;  // As last seen.
};

/// All processes of a run at one time.
struct RunView {
  Clock::Time at;
  Counts counts;  ///< Over all lives of all processes.
  std::vector<ProcessView> processes;

  /// nullopt: not known of every assigned partition, or none is assigned.
  std::optional<double> LagRows() const;
  bool HasTransform() const;
  bool HasJoin() const;
  /// Each reason once.
  std::vector<std::string> Paused() const;
};

/// What speaks against the pipeline having done all its work; empty: it has.
std::string WhyNotIdle(const RunView& view);

/// Tells when a pipeline has been idle for long enough. A moment of work starts the time again.
class IdleWatch {
 public:
  explicit IdleWatch(Clock::Duration needed) : needed_(needed) {}
  /// True: it has been idle since `needed` before this view.
  bool Update(const RunView& view);

 private:
  const Clock::Duration needed_;
  std::optional<Clock::Time> since_;
  double rows_in_ = -1;
};

}  // namespace penstock::ctl
