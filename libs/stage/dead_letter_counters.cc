#include "stage/dead_letter_counters.h"

namespace penstock::stage {

DeadLetterCounters::DeadLetterCounters(Metrics& metrics, const std::string& name,
                                       const std::string& help, const MetricLabels& labels) {
  for (std::size_t i = 0; i < kDeadLetterReasons; ++i) {
    MetricLabels all = labels;
    all.emplace_back("reason", ToText(static_cast<DeadLetterReason>(i)));
    by_reason_[i] = metrics.AddCounter(name, help, all);
  }
}

void DeadLetterCounters::Count(DeadLetterReason reason) const {
  by_reason_[static_cast<std::size_t>(reason)].Add();
}

void DeadLetterCounters::CountAndLog(const std::vector<DeadLetter>& letters) {
  for (const DeadLetter& letter : letters) Count(letter.reason);
  const DeadLetter& first = letters.front();
  log_.Log(LogLevel::kWarn, "Rows became dead letters; `penstock dlq list` shows them.",
           {{"rows", letters.size()},
            {"first_partition", first.origin.partition},
            {"first_offset", first.offset},
            {"reason", ToText(first.reason)},
            {"error", first.error}});
}

double DeadLetterCounters::total() const {
  double total = 0;
  for (const Counter& counter : by_reason_) total += counter.value();
  return total;
}

}  // namespace penstock::stage
