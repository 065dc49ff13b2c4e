#include "process/child_process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/file_descriptor.h"
#include "process/line_reader.h"

namespace penstock::process {

namespace {

Error SpawnFailed(Remedy remedy, std::string detail) {
  return Error{remedy, "spawn", std::move(detail)};
}

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SpawnFailed(Remedy::kRetry, "no pipe can be made");
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// Our environment with `changes`, as NAME=value.
std::vector<std::string> EnvironmentWith(
    const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::ranges::none_of(changes, [&](const auto& change) { return change.first == name; })) {
      all.emplace_back(text);
    }
  }
  for (const auto& [name, value] : changes) all.push_back(fmt::format("{}={}", name, value));
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// All that the child needs between fork and exec, prepared before the fork: there, only
// async-signal-safe calls are allowed, since other threads may have held any lock.
struct Launch {
  const char* program;
  char* const* argv;
  char* const* environment;
  const char* working_folder;  // Empty: none.
  int output;                  // -1: inherited.
  int failure;                 // Where errno goes when it cannot be run.
  pid_t parent;
  bool dies_with_parent;
};

[[noreturn]] void RunChild(const Launch& launch) {
  setpgid(0, 0);
  if (launch.dies_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != launch.parent) _exit(127);  // It ended before the line above.
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &standard, nullptr);
  const bool placed = launch.working_folder[0] == '\0' || chdir(launch.working_folder) == 0;
  const bool wired = launch.output < 0 || (dup2(launch.output, STDOUT_FILENO) >= 0 &&
                                           dup2(launch.output, STDERR_FILENO) >= 0);
  if (placed && wired) execve(launch.program, launch.argv, launch.environment);
  const int error = errno;
  [[maybe_unused]] const auto written = write(launch.failure, &error, sizeof error);
  _exit(127);
}

// What RunChild wrote; 0: nothing.
int ReadNumber(int fd) {
  int number = 0;
  while (read(fd, &number, sizeof number) < 0 && errno == EINTR) {
  }
  return number;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

ExitReport MakeReport(int status, const rusage& used) {
  ExitReport report;
  if (WIFSIGNALED(status)) {
    report.signal = WTERMSIG(status);
  } else {
    report.code = WEXITSTATUS(status);
  }
  report.cpu_seconds = Seconds(used.ru_utime) + Seconds(used.ru_stime);
  report.peak_resident_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  return report;
}

}  // namespace

std::string ToText(const ExitReport& report) {
  if (report.signal == 0) return fmt::format("exit code {}", report.code);
  const char* const name = sigdescr_np(report.signal);
  return fmt::format("signal {} ({})", report.signal, name == nullptr ? "unknown" : name);
}

Result<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (access(name.c_str(), X_OK) == 0) return name;
    return SpawnFailed(Remedy::kStop, fmt::format("{} is no program that can be run", name));
  }
  const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!name.empty() && !rest.empty()) {
    const auto colon = std::min(rest.find(':'), rest.size());
    const std::string candidate = fmt::format("{}/{}", rest.substr(0, colon), name);
    if (colon > 0 && access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return SpawnFailed(Remedy::kStop, fmt::format("there is no program \"{}\" in PATH", name));
}

struct ChildProcess::State {
  // Collects the end of the child if it is there, and ends what is left of its group: before
  // the child is reaped, since until then nobody else can get the group's number.
  bool Reap() {
    if (report) return true;
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid != pid) {
      return false;
    }
    kill(-pid, SIGKILL);
    int status = 0;
    rusage used{};
    wait4(pid, &status, 0, &used);
    report = MakeReport(status, used);
    output.reset();  // Passes on what the pipe still holds.
    return true;
  }
  void KillGroup() {
    if (!report) kill(-pid, SIGKILL);
  }

  pid_t pid = 0;
  FileDescriptor exit;
  std::unique_ptr<LineReader> output;
  std::optional<ExitReport> report;
};

ChildProcess::ChildProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChildProcess::ChildProcess(ChildProcess&&) noexcept = default;
ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (state_ == nullptr || state_->report) return;
  state_->KillGroup();
  waitpid(state_->pid, nullptr, 0);
}

Result<ChildProcess> ChildProcess::Start(const ChildOptions& options) {
  PENSTOCK_CHECK(!options.argv.empty(), "a child has a program");
  PENSTOCK_ASSIGN_OR_RETURN(const std::string program, FindProgram(options.argv[0]));
  PENSTOCK_ASSIGN_OR_RETURN(Pipe failure, MakePipe());
  Pipe output;
  if (options.on_line) {
    PENSTOCK_ASSIGN_OR_RETURN(output, MakePipe());
  } else if (!options.output_file.empty()) {
    output.write = FileDescriptor(
        open(options.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!output.write.valid()) {
      return SpawnFailed(Remedy::kStop, fmt::format("cannot write {}", options.output_file));
    }
  }
  std::vector<std::string> argv_texts = options.argv;
  std::vector<std::string> environment_texts = EnvironmentWith(options.environment);
  const std::vector<char*> argv = Pointers(argv_texts);
  const std::vector<char*> environment = Pointers(environment_texts);
  const Launch launch{.program = program.c_str(),
                      .argv = argv.data(),
                      .environment = environment.data(),
                      .working_folder = options.working_folder.c_str(),
                      .output = output.write.get(),
                      .failure = failure.write.get(),
                      .parent = getpid(),
                      .dies_with_parent = options.dies_with_parent};
  const pid_t pid = fork();
  if (pid < 0) return SpawnFailed(Remedy::kRetry, "no further process can be made");
  if (pid == 0) RunChild(launch);
  auto state = std::make_unique<State>();
  state->pid = pid;
  ChildProcess child(std::move(state));  // From here on it is ended and reaped on any return.
  failure.write.Close();
  output.write.Close();
  // The other end closes when the program runs, without a word.
  if (const int error = ReadNumber(failure.read.get()); error != 0) {
    return SpawnFailed(Remedy::kStop,
                       fmt::format("cannot run {}: {}", program,
                                   std::strerror(error)));  // NOLINT(concurrency-mt-unsafe)
  }
  child.state_->exit = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!child.state_->exit.valid())
    return SpawnFailed(Remedy::kRetry, "this kernel has no pidfd_open");
  if (options.on_line) {
    child.state_->output = std::make_unique<LineReader>(std::move(output.read), options.on_line);
  }
  return child;
}

pid_t ChildProcess::pid() const {
  return state_->pid;
}

int ChildProcess::exit_fd() const {
  return state_->exit.get();
}

void ChildProcess::Signal(int signal) {
  if (!state_->Reap()) kill(state_->pid, signal);
}

std::optional<ExitReport> ChildProcess::Wait(Clock::Time deadline, const Clock& clock) {
  while (!state_->Reap()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.Now()).count();
    if (left <= 0) return std::nullopt;
    pollfd fd{state_->exit.get(), POLLIN, 0};
    poll(&fd, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
  }
  return state_->report;
}

ExitReport ChildProcess::Kill() {
  state_->KillGroup();
  while (!state_->Reap()) {
    pollfd fd{state_->exit.get(), POLLIN, 0};
    poll(&fd, 1, -1);
  }
  return *state_->report;
}

ExitReport ChildProcess::Stop(Clock::Duration patience, const Clock& clock) {
  Signal(SIGTERM);
  if (const auto report = Wait(clock.Now() + patience, clock)) return *report;
  return Kill();
}

}  // namespace penstock::process
