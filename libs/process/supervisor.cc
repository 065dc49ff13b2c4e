#include "process/supervisor.h"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/thread.h"
#include "process/file_descriptor.h"

namespace penstock::process {

/// The thread of a supervisor and what it works on.
class Supervisor::Loop {
 public:
  Loop(Options options, const Clock& clock)
      : options_(std::move(options)), clock_(clock), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    PENSTOCK_CHECK(wake_.valid(), "an eventfd can be had");
    thread_ = StartThread("supervisor", [this](std::stop_token) { Run(); });
  }
  ~Loop() { Stop(); }

  void Add(ChildOptions child, int level) {
    {
      std::lock_guard lock(mutex_);
      added_.emplace_back(std::move(child), level);
    }
    Wake();
  }

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    Wake();
    std::lock_guard joining(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

  std::vector<ChildState> States() const {
    std::lock_guard lock(mutex_);
    return states_;
  }

 private:
  // Touched by the loop's thread only; `index` is its place in states_.
  struct Member {
    Member(ChildOptions the_options, int the_level, std::size_t the_index, const Options& all)
        : options(std::move(the_options)),
          level(the_level),
          index(the_index),
          backoff(all.first_pause, all.longest_pause) {}

    ChildOptions options;
    int level;
    std::size_t index;
    Backoff backoff;
    std::optional<ChildProcess> process;
    Clock::Time started{};
    std::optional<Clock::Time> start_at;  // Empty: it runs or is done.
  };

  void Wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
  }

  void Run() {
    while (TakeNews()) {
      for (Member& member : members_) {
        if (member.start_at && *member.start_at <= clock_.Now()) StartMember(member);
      }
      Await(NextStart());
      for (Member& member : members_) Look(member);
    }
    StopAll();
  }

  // Takes over what was added; false: it is time to stop.
  bool TakeNews() {
    std::lock_guard lock(mutex_);
    while (!added_.empty()) {
      auto& [options, level] = added_.front();
      states_.emplace_back().name = options.name;
      members_.emplace_back(std::move(options), level, states_.size() - 1, options_);
      members_.back().start_at = clock_.Now();
      added_.pop_front();
    }
    return !stopping_;
  }

  std::optional<Clock::Time> NextStart() const {
    std::optional<Clock::Time> next;
    for (const Member& member : members_) {
      if (member.start_at && (!next || *member.start_at < *next)) next = member.start_at;
    }
    return next;
  }

  // Until a child ends, somebody calls Add or Stop, or `until`.
  void Await(std::optional<Clock::Time> until) {
    std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
    for (const Member& member : members_) {
      if (member.process) fds.push_back({member.process->exit_fd(), POLLIN, 0});
    }
    int timeout_ms = -1;
    if (until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - clock_.Now());
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
    }
    poll(fds.data(), fds.size(), timeout_ms);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(wake_.get(), &count, sizeof count);
  }

  void StartMember(Member& member) {
    member.start_at.reset();
    member.started = clock_.Now();
    Result<ChildProcess> process = ChildProcess::Start(member.options);
    if (!process.ok()) {
      const bool again = process.error().remedy == Remedy::kRetry;
      if (again) member.start_at = clock_.Now() + member.backoff.Next();
      return Change(member, [&](ChildState& state) {
        state.kind = again ? ChildState::Kind::kWaiting : ChildState::Kind::kGivenUp;
        state.problem = process.error().detail;
      });
    }
    member.process.emplace(std::move(process).value());
    Change(member, [&](ChildState& state) {
      state.kind = ChildState::Kind::kRunning;
      state.pid = member.process->pid();
      state.problem.clear();
      ++state.starts;
    });
  }

  void Look(Member& member) {
    if (!member.process) return;
    if (const auto report = member.process->Wait(Clock::Time{}, clock_)) Ended(member, *report);
  }

  void Ended(Member& member, const ExitReport& report) {
    using Kind = ChildState::Kind;
    member.process.reset();
    Kind kind = Kind::kWaiting;
    std::string problem = ToText(report);
    if (report.clean() || Stopping()) {
      kind = Kind::kFinished;
    } else if (report.signal == 0 &&
               std::ranges::find(options_.final_codes, report.code) != options_.final_codes.end()) {
      kind = Kind::kGivenUp;
    } else {
      if (clock_.Now() - member.started >= options_.stable_after) member.backoff.Reset();
      const auto pause = member.backoff.Next();
      member.start_at = clock_.Now() + pause;
      problem += fmt::format(", starts again in {} ms", pause.count());
    }
    Change(member, [&](ChildState& state) {
      state.kind = kind;
      state.pid = 0;
      state.last_exit = report;
      state.problem = kind == Kind::kFinished ? "" : problem;
      state.cpu_seconds += report.cpu_seconds;
      state.peak_resident_bytes = std::max(state.peak_resident_bytes, report.peak_resident_bytes);
    });
  }

  bool Stopping() const {
    std::lock_guard lock(mutex_);
    return stopping_;
  }

  void StopAll() {
    std::vector<Member*> by_level;
    for (Member& member : members_) by_level.push_back(&member);
    std::ranges::stable_sort(by_level, std::ranges::greater{}, &Member::level);
    while (!by_level.empty()) {
      const int level = by_level.front()->level;
      const auto next = std::ranges::find_if(
          by_level, [&](const Member* member) { return member->level != level; });
      const std::vector<Member*> together(by_level.begin(), next);
      by_level.erase(by_level.begin(), next);
      for (Member* member : together) {
        if (member->process) member->process->Signal(SIGTERM);
      }
      const Clock::Time patient_until = clock_.Now() + options_.stop_patience;
      for (Member* member : together) StopMember(*member, patient_until);
    }
  }

  void StopMember(Member& member, Clock::Time patient_until) {
    member.start_at.reset();
    if (member.process) {
      auto report = member.process->Wait(patient_until, clock_);
      if (!report) report = member.process->Kill();
      return Ended(member, *report);
    }
    Change(member, [](ChildState& state) {
      if (state.kind == ChildState::Kind::kWaiting) state.kind = ChildState::Kind::kFinished;
    });
  }

  template <typename Edit>
  void Change(const Member& member, Edit edit) {
    ChildState copy;
    {
      std::lock_guard lock(mutex_);
      edit(states_[member.index]);
      copy = states_[member.index];
    }
    if (options_.on_change) options_.on_change(copy);
  }

  const Options options_;
  const Clock& clock_;
  FileDescriptor wake_;
  mutable std::mutex mutex_;
  std::deque<std::pair<ChildOptions, int>> added_;  // Guarded by mutex_, as the two below.
  std::vector<ChildState> states_;
  bool stopping_ = false;
  std::deque<Member> members_;
  std::mutex join_mutex_;
  std::jthread thread_;  // Guarded by join_mutex_ after the start.
};

Supervisor::Supervisor(Options options, const Clock& clock)
    : loop_(std::make_unique<Loop>(std::move(options), clock)) {}
Supervisor::~Supervisor() = default;

void Supervisor::Add(ChildOptions child, int level) {
  loop_->Add(std::move(child), level);
}
void Supervisor::Stop() {
  loop_->Stop();
}
std::vector<ChildState> Supervisor::States() const {
  return loop_->States();
}

}  // namespace penstock::process
