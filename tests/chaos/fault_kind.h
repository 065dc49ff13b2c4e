#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock::testing {

/// What may happen to a pipeline.
enum class FaultKind : std::uint8_t {
  kKill9,
  kStop,
  kFreeze,
  kScale,
  kRebalance,
  kClockJump,
  kAddPartitions,
  kNatsRestart,
  kNatsKill9,
  kKafkaRestart,
  kClickHouseRestart,
  kClickHouseKill9,
  kClickHouseAway,
  kSlowInserts,
  kCutAnswers,
  kDelay,
  kCut,
  kBlackHole,
  kHalfOpen,
  kClickHouseDiskFull,
  kStateDiskFull,
  kStreamDeleted,
  kStreamsDeleted,
  kBucketDeleted,
};

struct FaultKindInfo {
  FaultKind kind;
  std::string_view name;  ///< As --kinds has it.
  std::string_view what;  ///< For people.
  /// Whether a run without --kinds has it: the promise holds for it.
  bool in_every_run;
  /// Rows of inserts that are open at that moment may be there twice, which is counted.
  bool may_repeat = false;
};

/// In the order of the enum.
const std::vector<FaultKindInfo>& AllFaultKinds();
const FaultKindInfo& InfoOf(FaultKind kind);
std::string_view ToText(FaultKind kind);
/// Names with commas between; empty: those of every run. Error code "usage": a name that there is
/// none of.
Result<std::vector<FaultKind>> ParseFaultKinds(std::string_view text);

}  // namespace penstock::testing
