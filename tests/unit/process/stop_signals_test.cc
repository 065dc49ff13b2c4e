#include "process/stop_signals.h"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/wait.h"

namespace penstock::process {
namespace {

using namespace std::chrono_literals;

// Stands still but for Advance.
class ManualClock final : public Clock {
 public:
  Time Now() const override { return Time(passed_.load()); }
  std::int64_t WallMs() const override { return 0; }
  void Advance(Duration by) { passed_ = passed_.load() + by; }

 private:
  std::atomic<Duration> passed_{};
};

ManualClock& TheClock() {
  static ManualClock clock;
  return clock;
}

// Runs `body` in a forked child; its parent reads a byte that says the signals are handled.
template <typename Body>
class Forked {
 public:
  explicit Forked(Body body) {
    std::array<int, 2> ready{};
    EXPECT_EQ(pipe(ready.data()), 0);
    pid_ = fork();
    if (pid_ == 0) {
      StopSignals signals(TheClock());
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

void WaitUntilTaken(int signal) {
  for (sigset_t pending; sigpending(&pending) == 0 && sigismember(&pending, signal) == 1;) {
    std::this_thread::yield();
  }
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
      TheClock().Advance(StopSignals::kEcho);
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

// As a child gets them whose parent, of many threads, is killed.
TEST(StopSignalsTest, WhatComesRightAfterTheFirstIsItsEcho) {
  const Forked child([](StopSignals& signals, int) {
    for (int time = 0; time < 5; ++time) {
      kill(getpid(), SIGTERM);
      WaitUntilTaken(SIGTERM);  // So the one before has had its effect.
    }
    WaitForStop(signals);
    return 3;
  });
  const int status = child.Status();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
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
