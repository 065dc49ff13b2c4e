#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::testing {

/// What goes wrong with a call to a fake.
enum class FaultKind : std::uint8_t {
  kNone,
  kUnavailable,  ///< Not applied; answered "unavailable".
  kLostAnswer,   ///< Applied; answered "unavailable".
  kLate,         ///< Answered "unavailable"; applied only when the test calls ApplyLate.
  kRefused,      ///< Not applied; answered "refused".
};

struct Fault {
  FaultKind kind = FaultKind::kNone;
  std::string operation;  ///< The method's name ("Publish", "Trim", "Update"); empty: any.
  std::string about;      ///< A stream, subject or key that starts with this; empty: any.
  int skip = 0;           ///< So many matching calls go well first.
  int times = 1;          ///< So many fail then; -1: all.
};

/// Decides the fate of each call to a fake: first by the scripted faults, in the order they were
/// added, then by seeded dice. The same calls in the same order always meet the same fate.
/// Thread-safe.
class FaultScript {
 public:
  void Add(Fault fault) {
    std::lock_guard lock(mutex_);
    faults_.push_back(std::move(fault));
  }
  /// From now on each call fails with these probabilities.
  void Roll(std::uint64_t seed, double unavailable, double lost_answer) {
    std::lock_guard lock(mutex_);
    random_.seed(seed);
    unavailable_ = unavailable;
    lost_answer_ = lost_answer;
  }
  /// Everything goes well again.
  void Clear() {
    std::lock_guard lock(mutex_);
    faults_.clear();
    unavailable_ = lost_answer_ = 0;
  }

  FaultKind Next(std::string_view operation, std::string_view about) {
    std::lock_guard lock(mutex_);
    for (Fault& fault : faults_) {
      const bool matches = (fault.operation.empty() || fault.operation == operation) &&
                           about.starts_with(fault.about) && fault.times != 0;
      if (!matches) continue;
      if (fault.skip > 0) {
        --fault.skip;
        continue;
      }
      if (fault.times > 0) --fault.times;
      return fault.kind;
    }
    if (unavailable_ + lost_answer_ <= 0) return FaultKind::kNone;
    const double drawn = std::uniform_real_distribution<double>(0, 1)(random_);
    if (drawn < unavailable_) return FaultKind::kUnavailable;
    return drawn < unavailable_ + lost_answer_ ? FaultKind::kLostAnswer : FaultKind::kNone;
  }

 private:
  std::mutex mutex_;
  std::vector<Fault> faults_;
  std::mt19937_64 random_;
  double unavailable_ = 0;
  double lost_answer_ = 0;
};

}  // namespace penstock::testing
