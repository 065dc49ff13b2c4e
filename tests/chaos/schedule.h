#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include "chaos/fault_kind.h"

namespace penstock::testing {

/// A fault's own luck: which replica, how long. The same on every machine for the same seed.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  /// 0 … count - 1.
  std::uint64_t Below(std::uint64_t count) { return random_() % count; }
  /// Evenly between the two, both included.
  std::chrono::milliseconds Between(std::chrono::milliseconds least,
                                    std::chrono::milliseconds most) {
    const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + std::chrono::milliseconds(Below(span));
  }
  template <typename T>
  T& OneOf(std::vector<T>& choices) {
    return choices[Below(choices.size())];
  }

 private:
  std::mt19937_64 random_;
};

struct Fault {
  std::chrono::milliseconds at{0};  ///< Since the start of the faults.
  FaultKind kind{};
  std::uint64_t draw = 0;  ///< Seed of its luck.
};

/// What happens when: a function of its arguments alone. Faults come every `gap` or so, for
/// `duration`. All kinds come up equally often: each once, in some order, then each again.
std::vector<Fault> MakeSchedule(std::uint64_t seed, std::chrono::milliseconds duration,
                                std::chrono::milliseconds gap, std::vector<FaultKind> kinds);

}  // namespace penstock::testing
