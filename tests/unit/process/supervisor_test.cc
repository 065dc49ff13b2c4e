#include "process/supervisor.h"

#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bounded_queue.h"

namespace penstock::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;
using Kind = ChildState::Kind;

// A supervisor whose changes and whose children's lines a test waits for.
class SupervisorTest : public testing::Test {
 protected:
  Supervisor::Options Options() {
    Supervisor::Options options;
    options.first_pause = 1ms;
    options.longest_pause = 20ms;
    options.stop_patience = 20s;
    options.on_change = [this](const ChildState& state) { changes_.Push(ChildState(state)); };
    return options;
  }
  ChildOptions Shell(const std::string& name, const std::string& script) {
    ChildOptions options;
    options.name = name;
    options.argv = {"sh", "-c", script};
    options.on_line = [this, name](std::string_view line) {
      lines_.Push(fmt::format("{}: {}", name, line));
    };
    return options;
  }
  // A child that says "up", and ends well when it is asked to, with "down".
  ChildOptions Server(const std::string& name) {
    return Shell(name, "trap 'echo down; exit 0' TERM; echo up; while :; do sleep 0.01; done");
  }
  ChildState NextChange() {
    const auto change = changes_.PopUntil(SystemClock().Now() + 20s);
    EXPECT_TRUE(change.has_value());
    return change.value_or(ChildState{});
  }
  std::string NextLine() {
    return lines_.PopUntil(SystemClock().Now() + 20s).value_or("(nothing)");
  }

  BoundedQueue<ChildState> changes_{1000};
  BoundedQueue<std::string> lines_{1000};
};

TEST_F(SupervisorTest, WhatDiesStartsAgain) {
  Supervisor supervisor(Options());
  supervisor.Add(Shell("sink", "kill -9 $$"));
  for (std::uint64_t run = 1; run <= 4; ++run) {
    const ChildState started = NextChange();
    EXPECT_EQ(started.kind, Kind::kRunning);
    EXPECT_EQ(started.starts, run);
    EXPECT_GT(started.pid, 0);
    const ChildState died = NextChange();
    EXPECT_EQ(died.kind, Kind::kWaiting);
    EXPECT_EQ(died.pid, 0);
    EXPECT_THAT(died.problem, HasSubstr("signal 9 (Killed), starts again in"));
  }
  supervisor.Stop();
  EXPECT_EQ(supervisor.States().at(0).kind, Kind::kFinished);
}

TEST_F(SupervisorTest, NoRestartHelpsAgainstAWrongDocument) {
  Supervisor supervisor(Options());
  supervisor.Add(Shell("sink", "exit 2"));
  EXPECT_EQ(NextChange().kind, Kind::kRunning);
  const ChildState ended = NextChange();
  EXPECT_EQ(ended.kind, Kind::kGivenUp);
  EXPECT_EQ(ended.problem, "exit code 2");
  supervisor.Stop();
  EXPECT_EQ(supervisor.States().at(0).starts, 1U);
}

TEST_F(SupervisorTest, WhatEndsWellIsLeftAlone) {
  Supervisor supervisor(Options());
  supervisor.Add(Shell("sink", "exit 0"));
  EXPECT_EQ(NextChange().kind, Kind::kRunning);
  EXPECT_EQ(NextChange().kind, Kind::kFinished);
  supervisor.Stop();
  EXPECT_EQ(supervisor.States().at(0).starts, 1U);
}

TEST_F(SupervisorTest, AMissingProgramIsGivenUp) {
  Supervisor supervisor(Options());
  ChildOptions missing;
  missing.name = "sink";
  missing.argv = {"no-such-program"};
  supervisor.Add(missing);
  const ChildState state = NextChange();
  EXPECT_EQ(state.kind, Kind::kGivenUp);
  EXPECT_THAT(state.problem, HasSubstr("no-such-program"));
}

TEST_F(SupervisorTest, HigherLevelsStopFirst) {
  Supervisor supervisor(Options());
  supervisor.Add(Server("nats"), 0);
  EXPECT_EQ(NextLine(), "nats: up");
  supervisor.Add(Server("sink"), 1);
  EXPECT_EQ(NextLine(), "sink: up");
  supervisor.Stop();
  EXPECT_THAT((std::vector<std::string>{NextLine(), NextLine()}),
              ElementsAre("sink: down", "nats: down"));
  for (const ChildState& state : supervisor.States()) {
    EXPECT_EQ(state.kind, Kind::kFinished);
    EXPECT_TRUE(state.last_exit->clean());
  }
}

TEST_F(SupervisorTest, WhatDoesNotStopIsKilled) {
  auto options = Options();
  options.stop_patience = 50ms;
  Supervisor supervisor(std::move(options));
  supervisor.Add(Shell("deaf", "trap '' TERM; echo up; while :; do sleep 0.01; done"));
  EXPECT_EQ(NextLine(), "deaf: up");
  supervisor.Stop();
  EXPECT_EQ(supervisor.States().at(0).last_exit->signal, SIGKILL);
}

TEST_F(SupervisorTest, StoppingBeatsARestartThatWaits) {
  auto options = Options();
  options.first_pause = 1h;
  options.longest_pause = 1h;
  Supervisor supervisor(std::move(options));
  supervisor.Add(Shell("sink", "exit 1"));
  EXPECT_EQ(NextChange().kind, Kind::kRunning);
  EXPECT_EQ(NextChange().kind, Kind::kWaiting);
  supervisor.Stop();
  supervisor.Stop();  // Again is harmless.
  supervisor.Add(Shell("late", "exit 0"));
  EXPECT_EQ(supervisor.States().size(), 1U);
}

}  // namespace
}  // namespace penstock::process
