#include "sink/fault_policy.h"

namespace penstock::sink {

namespace {

using clickhouse::ErrorClass;

// After so many refusals for memory the rows are worth the risk of a repeat, which is counted.
constexpr int kPatienceForMemory = 10;
// Codes that nobody has classified: a block that keeps being refused is halved, and a single row
// that keeps being refused while others go in is to blame.
constexpr int kPatienceForUnknown = 5;
constexpr int kPatienceForUnknownUnanswered = 15;
constexpr int kPatienceForUnknownRow = 10;

Step AfterUnknown(const PieceHistory& history) {
  if (history.rows == 1) {
    const bool to_blame =
        history.others_inserted && history.unknown_refusals >= kPatienceForUnknownRow;
    return to_blame ? Step::kGiveUp : Step::kRetry;
  }
  const int patience = history.unanswered ? kPatienceForUnknownUnanswered : kPatienceForUnknown;
  return history.block_unknown_refusals >= patience ? Step::kHalve : Step::kRetry;
}

}  // namespace

Step NextStep(const TableTrouble& trouble, const PieceHistory& history) {
  const bool one = history.rows == 1;
  switch (trouble.error_class) {
    case ErrorClass::kTransient:
    case ErrorClass::kPressure:
    case ErrorClass::kCapacity:
    case ErrorClass::kAccess:
      return Step::kRetry;
    case ErrorClass::kMemory:
      if (one || (history.unanswered && history.memory_refusals < kPatienceForMemory)) {
        return Step::kRetry;
      }
      return Step::kHalve;
    case ErrorClass::kSplit:
      return one ? Step::kRetry : Step::kPartition;
    case ErrorClass::kSchema:
      return Step::kDescribe;
    case ErrorClass::kData:
      return one ? Step::kGiveUp : Step::kHalve;
    case ErrorClass::kUnknown:
      return AfterUnknown(history);
  }
  return Step::kRetry;
}

Backoff BackoffFor(ErrorClass error_class, std::chrono::milliseconds first) {
  constexpr std::chrono::seconds kUsual(30);
  switch (error_class) {
    case ErrorClass::kPressure:
    case ErrorClass::kSplit:
    case ErrorClass::kSchema:
    case ErrorClass::kAccess:
      return Backoff(10 * first, kUsual);
    case ErrorClass::kCapacity:
      return Backoff(20 * first, std::chrono::seconds(60));
    default:
      return Backoff(first, kUsual);
  }
}

}  // namespace penstock::sink
