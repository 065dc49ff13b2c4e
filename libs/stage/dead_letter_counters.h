#pragma once

#include <array>
#include <string>
#include <vector>

#include "model/dead_letter.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace penstock::stage {

/// A stage's dead letters by reason, as metrics and as a log line now and then. Thread-safe.
class DeadLetterCounters {
 public:
  /// `name` is penstock_<stage>_rows_dead_lettered_total; `labels` are there beside the reason.
  DeadLetterCounters(Metrics& metrics, const std::string& name, const std::string& help,
                     const MetricLabels& labels = {});

  void Count(DeadLetterReason reason) const;
  /// Counts them, and says what the first one is: at most once a minute. At least one.
  void CountAndLog(const std::vector<DeadLetter>& letters);

  /// Of all reasons.
  double total() const;

 private:
  std::array<Counter, kDeadLetterReasons> by_reason_;
  LogEvery log_;
};

}  // namespace penstock::stage
