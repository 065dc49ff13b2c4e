#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "process/child_process.h"

namespace penstock::process {

/// A child under supervision, as it is now.
struct ChildState {
  enum class Kind : std::uint8_t {
    kRunning,
    kWaiting,   ///< Died; starts again after the back-off.
    kFinished,  ///< Ended with 0, or was stopped.
    kGivenUp,   ///< Ended with a code that no restart helps against, or cannot be started.
  };
  std::string name;
  Kind kind = Kind::kWaiting;
  pid_t pid = 0;  ///< 0: not running.
  std::uint64_t starts = 0;
  std::optional<ExitReport> last_exit;
  std::string problem;     ///< Why it is kWaiting or kGivenUp.
  double cpu_seconds = 0;  ///< Of its ended runs.
  std::uint64_t peak_resident_bytes = 0;
};

/// Keeps children running: starts them, starts one that dies again after a growing pause, stops all
/// at the end. Owns the children; one thread of its own starts, watches and stops them.
/// Thread-safe.
class Supervisor {
 public:
  struct Options {
    std::chrono::milliseconds first_pause{200};
    std::chrono::milliseconds longest_pause{10'000};
    /// After a run of this length a death counts as the first again.
    std::chrono::milliseconds stable_after{30'000};
    /// From SIGTERM to SIGKILL.
    std::chrono::milliseconds stop_patience{30'000};
    /// Exit codes that no restart helps against: usage and configuration.
    std::vector<int> final_codes = {2};
    /// Called on the supervisor's thread at each start and end of a child, never at the same time.
    std::function<void(const ChildState&)> on_change;
  };

  explicit Supervisor(Options options, const Clock& clock = SystemClock());
  /// As Stop.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Starts `child` soon and keeps it running. Stop ends higher levels before lower ones: what
  /// others need to finish (nats-server) has level 0. After Stop nothing is started.
  void Add(ChildOptions child, int level = 1);
  /// SIGTERM to all, level by level; returns when every child has ended.
  void Stop();
  std::vector<ChildState> States() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace penstock::process
