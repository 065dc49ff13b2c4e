#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "process/child_process.h"
#include "support/metrics_page.h"

namespace penstock::testing {

/// Asks again until `condition` holds. Throws std::runtime_error, naming `what`, when `patience`
/// is over.
void WaitFor(std::string_view what, const std::function<bool()>& condition,
             Clock::Duration patience = std::chrono::seconds(60));

/// An executable of ours as a child process of the test: to be started, killed and started again
/// under the same name, its output going on in one log file. One thread, the one that starts it;
/// throws std::runtime_error when the process does not do what was asked.
class ServiceProcess {
 public:
  /// `folder` gets <name>.log and the port file.
  ServiceProcess(std::string executable, std::string name, std::filesystem::path folder);

  /// Starts it and waits until it serves its pages.
  void Start(const std::vector<std::string>& arguments);
  /// The same without waiting: for a document that it refuses.
  void Launch(const std::vector<std::string>& arguments);
  /// SIGKILL; returns when the process is gone.
  void Kill9();
  /// SIGTERM, and how it ended; fails the promise of a drain after `patience`.
  process::ExitReport Stop(Clock::Duration patience = std::chrono::seconds(30));
  /// SIGSTOP; returns when no thread of it runs any more.
  void Freeze();
  void Thaw();
  /// SIGTERM only.
  void BeginStop() { child_->Signal(15); }
  process::ExitReport WaitForExit(Clock::Duration patience = std::chrono::seconds(30));

  bool started() const { return child_.has_value(); }
  /// Whether it still runs; a test that did not end it itself can be sure that it does.
  bool Running();

  /// An empty page when it does not answer.
  MetricsPage Metrics() const;
  struct Probe {
    bool passed = false;
    std::string text;
  };
  Probe Ready() const { return Ask("/readyz"); }
  Probe Live() const { return Ask("/livez"); }

  std::uint64_t ResidentBytes() const;
  /// All that it has written, over all starts.
  std::string Log() const;
  const std::string& name() const { return name_; }

 private:
  Probe Ask(const std::string& path) const;

  const std::string executable_;
  const std::string name_;
  const std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  std::optional<process::ChildProcess> child_;
};

}  // namespace penstock::testing
