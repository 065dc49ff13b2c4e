#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "process/file_descriptor.h"

namespace penstock::process {

/// Turns SIGTERM and SIGINT into a stop request: the first one asks; the next that comes kEcho or
/// more later ends the process at once with 128 + signal. SIGPIPE is ignored: a peer that goes away
/// is an error of a call, not death. Make it first in main, before any thread, since threads
/// inherit the blocked signals; one at a time. A thread of its own waits for the signals.
class StopSignals {
 public:
  /// So long after the first signal others are taken for the same wish: a child whose parent is
  /// killed gets the signal of its death several times, as the parent's threads end one by one.
  static constexpr std::chrono::seconds kEcho{1};

  explicit StopSignals(const Clock& clock = SystemClock());
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  void RequestStop() { stop_.request_stop(); }

 private:
  void Wait();

  const Clock& clock_;
  std::stop_source stop_;
  FileDescriptor signals_;  // A signalfd.
  FileDescriptor wake_;     // An eventfd: the destructor ends the thread by it.
  std::jthread thread_;
};

}  // namespace penstock::process
