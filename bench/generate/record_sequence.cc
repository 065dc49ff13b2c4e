#include "generate/record_sequence.h"

#include <algorithm>

#include "generate/random.h"

namespace penstock::events {

namespace {
// Near enough that a window of deduplication holds the first one, far enough to leave its batch.
constexpr std::uint64_t kRepeatWithin = 1000;
}  // namespace

void RecordSequence::Next(std::string& out) {
  const std::uint64_t record = records_++;
  out.clear();
  Random random(Mix(options_.seed ^ Mix(record)));
  if (options_.poison_every > 0 && record % options_.poison_every == options_.poison_every - 1) {
    AppendEvent(options_.workload, options_.seed, record, out);
    out.resize(out.size() / 2);  // A torn write, the most common kind.
    ++poison_;
    return;
  }
  std::uint64_t event = distinct_;
  if (distinct_ > 0 && random.Below(100) < options_.repeat_percent) {
    event -= 1 + random.Below(static_cast<std::uint32_t>(std::min(distinct_, kRepeatWithin)));
  } else {
    ++distinct_;
  }
  AppendEvent(options_.workload, options_.seed, event, out);
}

}  // namespace penstock::events
