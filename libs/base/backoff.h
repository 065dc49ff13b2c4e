#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>

namespace penstock {

/// How long to wait before the next attempt: doubles from `first` to `most`, each
/// wait drawn from its upper half, so that replicas that failed together do not
/// come back together. One owner thread.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  explicit Backoff(Milliseconds first = Milliseconds(100), Milliseconds most = Milliseconds(30'000))
      : first_(first), most_(most), next_(first) {}

  Milliseconds Next() {
    const Milliseconds ceiling = next_;
    next_ = std::min(most_, next_ * 2);
    // Seeded when something fails: asking for a seed costs more than what mostly goes well.
    if (!random_) random_.emplace(std::random_device{}());
    std::uniform_int_distribution<Milliseconds::rep> draw(ceiling.count() / 2, ceiling.count());
    return Milliseconds(draw(*random_));
  }
  void Reset() { next_ = first_; }

 private:
  Milliseconds first_;
  Milliseconds most_;
  Milliseconds next_;
  std::optional<std::minstd_rand> random_;
};

}  // namespace penstock
