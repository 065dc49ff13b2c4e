#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "base/result.h"

namespace penstock::process {

struct ChildOptions {
  std::string name;               ///< For people: "sink", "nats-server".
  std::vector<std::string> argv;  ///< argv[0] is a path or a name to find in PATH.
  /// Set on top of this process's own environment.
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::string working_folder = {};  ///< Empty: this process's.
  /// Gets standard output and error, a line at a time without its newline (a line over 64 KiB in
  /// pieces), on a thread of its own. Without it they go to `output_file`, and without that to
  /// where this process's own go.
  std::function<void(std::string_view line)> on_line = {};
  std::string output_file = {};  ///< Appended to.
  /// The kernel sends it SIGTERM when the thread that started it ends, even by kill -9.
  bool dies_with_parent = true;
};

/// How a child ended and what it had used.
struct ExitReport {
  int code = 0;    ///< Its exit code; when a signal ended it, 0.
  int signal = 0;  ///< The signal that ended it, or 0.
  double cpu_seconds = 0;
  std::uint64_t peak_resident_bytes = 0;

  bool clean() const { return code == 0 && signal == 0; }
};
/// "exit code 3", "signal 9 (Killed)".
std::string ToText(const ExitReport& report);

/// A running child in a process group of its own, so that Ctrl-C reaches only the parent, which
/// then decides. Destroying it kills the child and all of its group. One owner thread, which must
/// live as long as the child when it dies with its parent.
class ChildProcess {
 public:
  /// Error code "spawn": kStop when there is no such program, kRetry when the machine is out of
  /// something.
  static Result<ChildProcess> Start(const ChildOptions& options);
  ChildProcess(ChildProcess&&) noexcept;
  ChildProcess& operator=(ChildProcess&&) noexcept;
  ~ChildProcess();

  pid_t pid() const;
  /// Readable once the child has ended, for poll().
  int exit_fd() const;
  /// Does nothing once the child has ended.
  void Signal(int signal);
  /// Waits until it has ended, at most until `deadline`. Its output has been passed on by then.
  std::optional<ExitReport> Wait(Clock::Time deadline, const Clock& clock = SystemClock());
  /// SIGKILL for the whole group.
  ExitReport Kill();
  /// SIGTERM, then Kill after `patience`.
  ExitReport Stop(Clock::Duration patience, const Clock& clock = SystemClock());

 private:
  struct State;
  explicit ChildProcess(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The file that `name` runs: itself when it has a slash, else found in PATH. Error code "spawn".
Result<std::string> FindProgram(const std::string& name);

}  // namespace penstock::process
