#include "process/stop_signals.h"

#include <array>
#include <chrono>
#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/wait.h"

namespace penstock::process {
namespace {

using namespace std::chrono_literals;

// Runs `body` in a forked child; its parent reads a byte that says the signals are handled.
template <typename Body>
class Forked {
 public:
  explicit Forked(Body body) {
    std::array<int, 2> ready{};
    EXPECT_EQ(pipe(ready.data()), 0);
    pid_ = fork();
    if (pid_ == 0) {
      StopSignals signals;
      EXPECT_EQ(write(ready[1], "r", 1), 1);
      _exit(body(signals, ready[1]));
    }
    close(ready[1]);
    ready_ = ready[0];
    AwaitByte();
  }
  ~Forked() { close(ready_); }

  void AwaitByte() const {
    char byte = 0;
    EXPECT_EQ(read(ready_, &byte, 1), 1);
  }
  void Send(int signal) const { kill(pid_, signal); }
  int Status() const {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    return status;
  }

 private:
  pid_t pid_ = 0;
  int ready_ = -1;
};

void WaitForStop(const StopSignals& signals) {
  WaitUntil(SystemClock().Now() + 60s, signals.token());
}

TEST(StopSignalsTest, TheFirstSignalAsks) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const Forked child([](StopSignals& signals, int) {
      WaitForStop(signals);
      return 3;
    });
    child.Send(signal);
    const int status = child.Status();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 3);
  }
}

TEST(StopSignalsTest, TheSecondSignalEndsAtOnce) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const Forked child([](StopSignals& signals, int ready) {
      WaitForStop(signals);
      EXPECT_EQ(write(ready, "s", 1), 1);
      WaitUntil(SystemClock().Now() + 60s, {});  // A drain that takes too long.
      return 3;
    });
    child.Send(signal);
    child.AwaitByte();
    child.Send(signal);
    const int status = child.Status();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + signal);
  }
}

TEST(StopSignalsTest, ABrokenPipeIsNotDeath) {
  const Forked child([](StopSignals&, int) {
    std::array<int, 2> broken{};
    if (pipe(broken.data()) != 0) return 1;
    close(broken[0]);
    return write(broken[1], "x", 1) == -1 ? 3 : 1;
  });
  const int status = child.Status();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST(StopSignalsTest, AStopFromInsideNeedsNoSignal) {
  const Forked child([](StopSignals& signals, int) {
    signals.RequestStop();
    WaitForStop(signals);
    return signals.token().stop_requested() ? 3 : 1;
  });
  EXPECT_EQ(WEXITSTATUS(child.Status()), 3);
}

}  // namespace
}  // namespace penstock::process
