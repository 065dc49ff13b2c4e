#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"

namespace penstock::sim {

/// The seed's choices for what is simulated.
std::uint64_t Below(std::uint64_t limit);
bool OneIn(unsigned times);  ///< 0: never.

/// What lies between the processes and the servers: it does things later, in the order of their
/// time, and knows how bad the weather is. Outlives the processes.
class Network {
 public:
  /// One call in so many; 0: none.
  struct Weather {
    unsigned lost = 0;    ///< The request, or its answer, is lost.
    unsigned late = 0;    ///< The caller has no answer; the request is served all the same, later.
    unsigned slow = 0;    ///< Takes up to two seconds.
    unsigned deadly = 0;  ///< Of writes: the caller dies just before it, or just after it.
  };

  Network();

  void After(Clock::Duration delay, std::function<void()> call);
  /// How long a message is on its way.
  Clock::Duration Travel() const;

  Weather weather;

 private:
  void Run(std::stop_token stop);

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::multimap<Clock::Time, std::function<void()>> calls_;  // Guarded by mutex_.
  std::jthread thread_;
};

/// What one process is to the network: whether it lives, and what becomes of its calls. Its clients
/// (streams.h, …) make every call through here.
class Process {
 public:
  explicit Process(Network& network) : network_(network) {}

  bool alive() const { return !death_.stop_requested(); }
  /// From now on nothing that it does has an effect, and nobody answers it. What it has sent is on
  /// its way. The threads of the process still have to be ended.
  void Kill() { death_.request_stop(); }
  /// Waits; not longer than it lives.
  void Wait(Clock::Duration duration) const;

  /// What changes nothing can be asked again; a write may kill its caller, or be served late,
  /// unless the server serves its callers in order.
  enum class Kind : std::uint8_t { kRead, kWrite, kOrderedWrite };
  static constexpr Clock::Duration kTimeout = std::chrono::seconds(2);

  /// Has the server `serve`, and gives its answer, or "unavailable". `serve` owns what it needs: it
  /// may be called after this has returned.
  template <typename T>
  Result<T> Call(Kind kind, std::function<Result<T>()> serve, Clock::Duration timeout = kTimeout) {
    std::optional<Result<T>> answer;
    const bool answered = Deliver(
        kind, timeout, [&] { answer = serve(); },
        [serve] { [[maybe_unused]] const Result<T> unheard = serve(); });
    if (!answered) return Unavailable();
    return *std::move(answer);
  }

  /// The same without waiting: `done` is called later, at the latest after `timeout`.
  template <typename T>
  void Send(std::function<Result<T>()> serve, Clock::Duration timeout,
            std::function<void(Result<T>)> done) {
    const Fate fate = Next(Kind::kWrite);
    const auto serve_and_answer = [&network = network_, serve, done, fate] {
      auto answer = std::make_shared<Result<T>>(serve());
      if (fate == Fate::kServed) network.After(network.Travel(), [done, answer] { done(*answer); });
    };
    if (fate == Fate::kServed || fate == Fate::kUnheard) {
      network_.After(network_.Travel(), serve_and_answer);
    }
    if (fate == Fate::kLate) network_.After(timeout + Later(), serve_and_answer);
    if (fate != Fate::kServed) network_.After(timeout, [done] { done(Unavailable()); });
  }

  static Error Unavailable();

 private:
  enum class Fate : std::uint8_t { kServed, kLost, kUnheard, kLate, kDead };

  Fate Next(Kind kind);
  static Clock::Duration Later();
  bool Deliver(Kind kind, Clock::Duration timeout, const std::function<void()>& serve,
               const std::function<void()>& serve_late);

  Network& network_;
  std::stop_source death_;
};

}  // namespace penstock::sim
