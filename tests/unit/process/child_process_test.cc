#include "process/child_process.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <latch>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include <poll.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bounded_queue.h"
#include "base/thread.h"

namespace penstock::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

// The lines of a child, for a test to wait for.
using Lines = BoundedQueue<std::string>;

ChildOptions Shell(const std::string& script, Lines* lines = nullptr) {
  ChildOptions options;
  options.name = "child";
  options.argv = {"sh", "-c", script};
  options.on_line = [lines](std::string_view line) {
    if (lines != nullptr) lines->Push(std::string(line));
  };
  return options;
}

std::string NextLine(Lines& lines) {
  return lines.PopUntil(SystemClock().Now() + 20s).value_or("(nothing)");
}

ExitReport WaitForEnd(ChildProcess& child) {
  const auto report = child.Wait(SystemClock().Now() + 20s);
  EXPECT_TRUE(report.has_value());
  return report.value_or(ExitReport{});
}

// Empty once `pid` is gone.
std::string StateOf(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string skipped;
  std::string state;
  file >> skipped >> skipped >> state;
  return state;
}

TEST(ChildProcessTest, ReportsHowItEnded) {
  const struct {
    const char* script;
    const char* want;
  } cases[] = {{"exit 0", "exit code 0"},
               {"exit 3", "exit code 3"},
               {"kill -9 $$", "signal 9 (Killed)"},
               {"kill -TERM $$", "signal 15 (Terminated)"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.script);
    auto child = ChildProcess::Start(Shell(c.script)).value();
    const ExitReport report = WaitForEnd(child);
    EXPECT_EQ(ToText(report), c.want);
    EXPECT_EQ(report.clean(), std::string_view(c.script) == "exit 0");
    EXPECT_GT(report.peak_resident_bytes, 0U);
  }
}

TEST(ChildProcessTest, PassesOnEachLineOfBothOutputs) {
  Lines lines(100);
  auto child =
      ChildProcess::Start(Shell("echo one; echo two >&2; printf 'three\\n\\nno newline'", &lines))
          .value();
  WaitForEnd(child);
  std::vector<std::string> all;
  while (lines.size() > 0) all.push_back(*lines.Pop());
  EXPECT_THAT(all, ElementsAre("one", "two", "three", "", "no newline"));
}

// Also what is still in the pipe when the child has ended and nobody has looked at it.
TEST(ChildProcessTest, EverythingIsPassedOnBeforeTheEndIsReported) {
  std::size_t count = 0;
  std::latch ended(1);
  ChildOptions options = Shell("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i + 1)); done");
  options.on_line = [&](std::string_view) {
    if (count++ == 0) ended.wait();
  };
  auto child = ChildProcess::Start(options).value();
  pollfd exit{child.exit_fd(), POLLIN, 0};
  ASSERT_EQ(poll(&exit, 1, 20'000), 1);
  ended.count_down();
  WaitForEnd(child);
  EXPECT_EQ(count, 5000U);
}

TEST(ChildProcessTest, SignalsThatAreBlockedHereAreNotBlockedThere) {
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);  // As StopSignals does.
  auto child = ChildProcess::Start({.name = "x", .argv = {"sleep", "1000"}}).value();
  EXPECT_EQ(child.Stop(20s).signal, SIGTERM);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(ChildProcessTest, ALineWithoutEndComesInPieces) {
  std::size_t bytes = 0;
  std::size_t longest = 0;
  ChildOptions options = Shell("head -c 1000000 /dev/zero");
  options.on_line = [&](std::string_view line) {
    bytes += line.size();
    longest = std::max(longest, line.size());
  };
  auto child = ChildProcess::Start(options).value();
  WaitForEnd(child);
  EXPECT_EQ(bytes, 1'000'000U);
  EXPECT_LT(longest, 128U << 10);
}

TEST(ChildProcessTest, EnvironmentFolderAndFileOutput) {
  const auto path =
      std::filesystem::temp_directory_path() / fmt::format("penstock-child-test-{}", getpid());
  ChildOptions options = Shell("echo $ONE $HOME; pwd");
  options.on_line = nullptr;
  options.environment = {{"ONE", "1"}, {"HOME", "/nowhere"}};
  options.working_folder = "/usr";
  options.output_file = path;
  auto child = ChildProcess::Start(options).value();
  WaitForEnd(child);
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "1 /nowhere\n/usr\n");
  std::filesystem::remove(path);
}

TEST(ChildProcessTest, WhatCannotBeStartedSaysWhy) {
  const auto missing = ChildProcess::Start({.name = "x", .argv = {"no-such-program"}});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().detail, "there is no program \"no-such-program\" in PATH");
  EXPECT_EQ(missing.error().remedy, Remedy::kStop);
  const auto folder = ChildProcess::Start({.name = "x", .argv = {"/no/such/program"}});
  ASSERT_FALSE(folder.ok());
  EXPECT_THAT(folder.error().detail, HasSubstr("/no/such/program is no program"));
  ChildOptions options = Shell("exit 0");
  options.working_folder = "/no/such/folder";
  const auto placed = ChildProcess::Start(options);
  ASSERT_FALSE(placed.ok());
  EXPECT_THAT(placed.error().detail, HasSubstr("No such file or directory"));
}

TEST(ChildProcessTest, StopAsksFirst) {
  Lines lines(10);
  auto child =
      ChildProcess::Start(
          Shell("trap 'echo draining; exit 0' TERM; echo up; while :; do sleep 0.01; done", &lines))
          .value();
  EXPECT_EQ(NextLine(lines), "up");
  EXPECT_TRUE(child.Stop(20s).clean());
  EXPECT_EQ(NextLine(lines), "draining");
}

TEST(ChildProcessTest, StopKillsWhatDoesNotHear) {
  Lines lines(10);
  auto child =
      ChildProcess::Start(Shell("trap '' TERM; echo up; while :; do sleep 0.01; done", &lines))
          .value();
  EXPECT_EQ(NextLine(lines), "up");
  EXPECT_EQ(child.Stop(50ms).signal, SIGKILL);
}

TEST(ChildProcessTest, NothingOfItsGroupIsLeft) {
  Lines lines(10);
  auto child = ChildProcess::Start(Shell("sleep 1000 & echo $!; exit 0", &lines)).value();
  const auto grandchild = static_cast<pid_t>(std::stoi(NextLine(lines)));
  WaitForEnd(child);
  // Killed; whoever adopted it may not have reaped it yet.
  const auto deadline = SystemClock().Now() + 20s;
  while (SystemClock().Now() < deadline && StateOf(grandchild) != "" &&
         StateOf(grandchild) != "Z") {
    std::this_thread::yield();
  }
  EXPECT_THAT(StateOf(grandchild), testing::AnyOf("", "Z"));
}

TEST(ChildProcessTest, DiesWithTheThreadThatStartedIt) {
  Lines lines(10);
  std::optional<ChildProcess> child;
  {
    // Stands for the parent's end: the kernel's signal goes by thread.
    const std::jthread parent = StartThread("parent", [&](std::stop_token) {
      child.emplace(ChildProcess::Start(
                        Shell("trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done", &lines))
                        .value());
      EXPECT_EQ(NextLine(lines), "up");
    });
  }
  EXPECT_EQ(WaitForEnd(*child).code, 5);
}

}  // namespace
}  // namespace penstock::process
