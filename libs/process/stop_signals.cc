#include "process/stop_signals.h"

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/thread.h"
#include "telemetry/log.h"

namespace penstock::process {

namespace {

sigset_t StoppingSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

StopSignals::StopSignals(const Clock& clock) : clock_(clock) {
  const sigset_t set = StoppingSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(concurrency-mt-unsafe): before other threads.
  signals_ = FileDescriptor(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  wake_ = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  PENSTOCK_CHECK(signals_.valid() && wake_.valid(), "a signalfd and an eventfd can be had");
  thread_ = StartThread("signals", [this](std::stop_token) { Wait(); });
}

StopSignals::~StopSignals() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void StopSignals::Wait() {
  Clock::Time echo_ends = Clock::Time::min();
  while (true) {
    std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
    const int signal = static_cast<int>(info.ssi_signo);
    const Clock::Time now = clock_.Now();
    if (now < echo_ends) continue;
    if (stop_.stop_requested()) {
      Log(LogLevel::kWarn, "Second signal: ending at once, without finishing what is in flight.",
          {{"signal", sigabbrev_np(signal)}});
      // Not exit(): destructors would wait for what the operator no longer waits for.
      _exit(128 + signal);
    }
    Log(LogLevel::kInfo, "Stopping: finishing what is in flight. A second signal ends at once.",
        {{"signal", sigabbrev_np(signal)}});
    echo_ends = now + kEcho;
    stop_.request_stop();
  }
}

}  // namespace penstock::process
