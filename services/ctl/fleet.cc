#include "ctl/fleet.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>

#include <unistd.h>

#include "base/format.h"
#include "process/http_get.h"
#include "telemetry/process_usage.h"

namespace penstock::ctl {

namespace {

using process::ChildState;

constexpr auto kPatience = std::chrono::seconds(1);
constexpr std::size_t kTailLines = 3;
// On one machine a replica is heard of sooner than over a network: a process that was killed has
// its shards back in little more than a second.
constexpr const char* kLeaseHeartbeat = "500ms";
constexpr const char* kLeaseTimeout = "5s";
// A server that died so often at its start will not come up.
constexpr std::uint64_t kServerStarts = 3;

std::optional<std::uint16_t> ReadPort(const std::string& file) {
  const std::string word = ReadWord(file);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return port;
}

// A run on another machine, of the same pipeline, has replicas of its own.
std::string ReplicaName(const std::string& process) {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return process;
  return fmt::format("{}-{}", host.data(), process);
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
  return lines;
}

// Asks a process for its metrics and whether it is ready.
Status Ask(std::uint16_t port, const Clock& clock, ProcessView& view) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto metrics,
                            process::HttpGet("127.0.0.1", port, "/metrics", kPatience, clock));
  PENSTOCK_ASSIGN_OR_RETURN(const auto ready,
                            process::HttpGet("127.0.0.1", port, "/readyz", kPatience, clock));
  PENSTOCK_ASSIGN_OR_RETURN(const MetricsPage page, MetricsPage::Parse(metrics.body));
  ReadPage(page, view);
  if (ready.status != 200) view.why_not_ready = Lines(ready.body);
  view.reports = true;
  return Done{};
}

}  // namespace

Fleet::Fleet(bool verbose, Parts parts)
    : verbose_(verbose),
      parts_(parts),
      servers_(SupervisorOptions(), parts.clock),
      stages_(SupervisorOptions(), parts.clock) {}

process::Supervisor::Options Fleet::SupervisorOptions() {
  process::Supervisor::Options options;
  options.on_change = [this](const ChildState& state) { OnChange(state); };
  return options;
}

// Called on a supervisor's thread.
void Fleet::OnChange(const ChildState& state) {
  Console& console = parts_.console;
  const std::string& name = state.name;
  if (state.kind == ChildState::Kind::kRunning) {
    if (state.starts > 1) console.Say(fmt::format("{} runs again", name));
    return;
  }
  // Another process may get the port.
  std::error_code ignored;
  std::filesystem::remove(parts_.folder.PortFile(name), ignored);
  if (state.kind == ChildState::Kind::kFinished) {
    console.Say(fmt::format("{} has stopped", name));
    return;
  }
  if (!IsNews(state)) return;
  // Who was killed had nothing to say about it.
  const bool spoke = state.last_exit && state.last_exit->signal == 0;
  console.Say(fmt::format("{} {}: {}{}", name,
                          state.kind == ChildState::Kind::kGivenUp ? "cannot run" : "has died",
                          state.problem, spoke ? TailOfLog(name) : ""));
}

bool Fleet::IsNews(const ChildState& state) {
  if (state.kind != ChildState::Kind::kGivenUp) return true;
  std::lock_guard lock(mutex_);
  return given_up_.insert(state.name).second;
}

std::string Fleet::TailOfLog(const std::string& process) const {
  std::string tail;
  const std::string log = parts_.folder.LogFile(process);
  for (const std::string& line : LastLines(log, kTailLines)) tail += fmt::format("\n  {}", line);
  return tail.empty() ? "" : fmt::format("; the end of {}:{}", log, tail);
}

void Fleet::AddServer(process::ChildOptions child) {
  servers_.Add(std::move(child), 0);
}

process::ChildOptions Fleet::ReplicaOf(const Stage& stage, std::uint32_t replica) const {
  process::ChildOptions child;
  child.name = fmt::format("{}-{}", stage.name, replica);
  child.argv = stage.argv;
  child.argv.insert(child.argv.end(),
                    {"--listen", "127.0.0.1:0", "--port-file", parts_.folder.PortFile(child.name),
                     "--replica-name", ReplicaName(child.name), "--lease-heartbeat",
                     kLeaseHeartbeat, "--lease-timeout", kLeaseTimeout});
  if (stage.has_state) {
    child.argv.insert(child.argv.end(), {"--state-dir", parts_.folder.StateFolder(child.name)});
  }
  if (verbose_) {
    child.on_line = [this, name = child.name](std::string_view line) {
      parts_.console.Say(fmt::format("{:<11} | {}", name, line));
    };
  } else {
    child.output_file = parts_.folder.LogFile(child.name);
  }
  return child;
}

void Fleet::AddStage(const Stage& stage) {
  for (std::uint32_t i = 0; i < stage.count; ++i) {
    process::ChildOptions child = ReplicaOf(stage, i);
    std::error_code ignored;
    std::filesystem::remove(parts_.folder.PortFile(child.name), ignored);
    members_.push_back({.child = child, .stage = stage.name, .level = stage.level, .counts = {}});
    stages_.Add(std::move(child), stage.level);
  }
}

// Somebody ended it in good order, as a restart by hand does: the run still needs it.
void Fleet::StartAgainWhatEnded(const std::vector<ChildState>& states) {
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i].kind != ChildState::Kind::kFinished || !started_again_.insert(i).second) continue;
    const auto member = std::ranges::find(members_, states[i].name,
                                          [](const Member& each) { return each.child.name; });
    if (member != members_.end()) stages_.Add(member->child, member->level);
  }
}

ProcessView Fleet::LookAt(const std::string& name, const std::vector<ChildState>& states) const {
  ProcessView view;
  view.name = name;
  bool running = false;
  for (const ChildState& state : states) {
    if (state.name != name) continue;
    view.starts += state.starts;
    running = state.kind == ChildState::Kind::kRunning;
  }
  if (!running) return view;
  if (const auto port = ReadPort(parts_.folder.PortFile(name))) {
    // What cannot be asked does not report: the view says so.
    [[maybe_unused]] const Status asked = Ask(*port, parts_.clock, view);
  }
  return view;
}

RunView Fleet::Look() {
  const std::vector<ChildState> states = stages_.States();
  StartAgainWhatEnded(states);
  RunView run;
  for (Member& member : members_) {
    run.processes.push_back(LookAt(member.child.name, states));
    member.counts.Update(run.processes.back());
    run.counts += member.counts.total();
  }
  run.at = parts_.clock.Now();
  return run;
}

std::string Fleet::Failure() const {
  for (const process::Supervisor* const supervisor : {&servers_, &stages_}) {
    for (const ChildState& state : supervisor->States()) {
      if (state.kind == ChildState::Kind::kGivenUp) {
        return fmt::format("{} cannot run: {}", state.name, state.problem);
      }
    }
  }
  return "";
}

std::string Fleet::ServerFailure() const {
  for (const ChildState& state : servers_.States()) {
    if (state.kind == ChildState::Kind::kGivenUp || state.starts >= kServerStarts) {
      return fmt::format("{} does not start: {}{}", state.name, state.problem,
                         TailOfLog(state.name));
    }
  }
  return "";
}

void Fleet::AddUses(const std::vector<ChildState>& states, std::vector<ProcessUse>& uses) const {
  for (const ChildState& state : states) {
    auto use = std::ranges::find(uses, state.name, &ProcessUse::name);
    if (use == uses.end()) {
      const auto member = std::ranges::find(members_, state.name,
                                            [](const Member& each) { return each.child.name; });
      const std::string stage = member == members_.end() ? state.name : member->stage;
      use = uses.insert(uses.end(), ProcessUse{.name = state.name, .stage = stage});
    }
    use->starts += state.starts;
    use->cpu_seconds += state.cpu_seconds;
    use->peak_resident_bytes = std::max(use->peak_resident_bytes, state.peak_resident_bytes);
    if (state.kind != ChildState::Kind::kRunning) continue;
    if (const auto now = ReadProcessUsage(state.pid); now.ok()) {
      use->cpu_seconds += now.value().cpu_seconds();
      use->peak_resident_bytes =
          std::max(use->peak_resident_bytes, now.value().peak_resident_bytes);
    }
  }
}

std::vector<ProcessUse> Fleet::Uses() const {
  std::vector<ProcessUse> uses;
  AddUses(stages_.States(), uses);
  AddUses(servers_.States(), uses);
  return uses;
}

}  // namespace penstock::ctl
