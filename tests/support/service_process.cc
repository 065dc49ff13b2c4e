#include "support/service_process.h"

#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <sys/wait.h>

#include "base/format.h"
#include "base/wait.h"
#include "process/http_get.h"

namespace penstock::testing {

namespace {

constexpr std::chrono::milliseconds kAskAgain{20};
constexpr std::chrono::seconds kPagePatience{5};
constexpr std::string_view kLoopback = "127.0.0.1";

}  // namespace

void WaitFor(std::string_view what, const std::function<bool()>& condition,
             Clock::Duration patience) {
  const Clock& clock = SystemClock();
  const Clock::Time deadline = clock.Now() + patience;
  while (!condition()) {
    if (clock.Now() > deadline) {
      throw std::runtime_error(
          fmt::format("not within {} s: {}",
                      std::chrono::duration_cast<std::chrono::seconds>(patience).count(), what));
    }
    WaitUntil(clock.Now() + kAskAgain, {});
  }
}

ServiceProcess::ServiceProcess(std::string executable, std::string name,
                               std::filesystem::path folder)
    : executable_(std::move(executable)), name_(std::move(name)), folder_(std::move(folder)) {}

void ServiceProcess::Launch(const std::vector<std::string>& arguments) {
  if (child_) throw std::runtime_error(name_ + " was started already");
  const std::filesystem::path port_file = folder_ / (name_ + ".port");
  std::filesystem::remove(port_file);
  port_ = 0;
  process::ChildOptions options;
  options.name = name_;
  options.argv = {executable_, "--listen", fmt::format("{}:0", kLoopback), "--port-file",
                  port_file.string()};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.output_file = folder_ / (name_ + ".log");
  auto started = process::ChildProcess::Start(options);
  if (!started.ok()) throw std::runtime_error(started.error().detail);
  child_ = std::move(started).value();
}

void ServiceProcess::Start(const std::vector<std::string>& arguments) {
  Launch(arguments);
  const std::filesystem::path port_file = folder_ / (name_ + ".port");
  WaitFor(name_ + " serves its pages", [&] {
    std::ifstream(port_file) >> port_;
    if (port_ == 0 && !Running()) throw std::runtime_error(name_ + " ended at its start");
    return port_ != 0;
  });
}

void ServiceProcess::Kill9() {
  if (child_) child_->Kill();
  child_.reset();
}

// The signal reaches the threads after kill() has returned. The report of it is left to be read
// again: that of an end is the child's owner's.
void ServiceProcess::Freeze() {
  child_->Signal(SIGSTOP);
  siginfo_t state{};
  const auto pid = static_cast<id_t>(child_->pid());
  if (waitid(P_PID, pid, &state, WSTOPPED | WEXITED | WNOWAIT) != 0 ||
      state.si_code != CLD_STOPPED) {
    throw std::runtime_error(name_ + " ended instead of stopping");
  }
}

void ServiceProcess::Thaw() {
  child_->Signal(SIGCONT);
}

process::ExitReport ServiceProcess::Stop(Clock::Duration patience) {
  BeginStop();
  return WaitForExit(patience);
}

process::ExitReport ServiceProcess::WaitForExit(Clock::Duration patience) {
  const auto ended = child_->Wait(SystemClock().Now() + patience);
  if (!ended) throw std::runtime_error(name_ + " does not end");
  child_.reset();
  return *ended;
}

bool ServiceProcess::Running() {
  return child_ && !child_->Wait(SystemClock().Now());
}

MetricsPage ServiceProcess::Metrics() const {
  return MetricsPage(Ask("/metrics").text);
}

ServiceProcess::Probe ServiceProcess::Ask(const std::string& path) const {
  auto reply = process::HttpGet(std::string(kLoopback), port_, path, kPagePatience);
  if (!reply.ok()) return {};
  return {.passed = reply.value().status == 200, .text = std::move(reply).value().body};
}

std::uint64_t ServiceProcess::ResidentBytes() const {
  std::ifstream status(fmt::format("/proc/{}/status", child_->pid()));
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmRSS:" && status >> kib) return kib * 1024;
  }
  throw std::runtime_error("no VmRSS of " + name_);
}

std::string ServiceProcess::Log() const {
  std::ifstream file(folder_ / (name_ + ".log"));
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace penstock::testing
