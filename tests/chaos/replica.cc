#include "chaos/replica.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/format.h"

namespace penstock::testing {

namespace {

using namespace std::chrono_literals;

constexpr auto kRestartAfter = 1s;
constexpr auto kStopPatience = 60s;  // The services promise about 30.
constexpr auto kSampleEvery = 500ms;

}  // namespace

Replica::Replica(ServiceProcess process, std::uint16_t nats_port,
                 std::function<std::vector<std::string>(const Replica&)> arguments)
    : process_(std::move(process)), nats_(nats_port), arguments_(std::move(arguments)) {}

void Replica::Start() {
  process_.Launch(arguments_(*this));
  ++starts_;
  state_ = State::kRunning;
}

void Replica::Want(bool wanted) {
  if (wanted_ == wanted) return;
  wanted_ = wanted;
  if (wanted && state_ == State::kOff) Start();
  if (wanted) return;
  if (state_ == State::kDown) state_ = State::kOff;
  if (Well()) Stop(0s);
}

void Replica::Tick(Clock::Time now) {
  if (thaw_ && now >= *thaw_) {
    process_.Thaw();
    thaw_.reset();
  }
  if (state_ == State::kRunning) {
    if (!process_.Running()) {
      ++ended_by_itself_;
      NoteEnd("ended by itself");
      thaw_.reset();
      state_ = wanted_ ? State::kDown : State::kOff;
      start_at_ = now + kRestartAfter;
      return;
    }
    if (!wanted_ && !thaw_) Stop(0s);
    Sample(now);
  } else if (state_ == State::kStopping) {
    const bool late = now > stop_deadline_;
    if (process_.Running() && !late) return;
    if (late) {
      ++bad_stops_;
      fmt::print("  {} DOES NOT STOP\n", name());
      process_.Kill9();
    } else {
      NoteEnd(nullptr);
    }
    state_ = wanted_ ? State::kDown : State::kOff;
    start_at_ = now + back_after_stop_;
  } else if (state_ == State::kDown && now >= start_at_) {
    Start();
  }
}

// `how`: it was not asked to end.
void Replica::NoteEnd(const char* how) {
  const process::ExitReport report = process_.WaitForExit(0s);
  if (how == nullptr && report.clean()) return;
  if (how == nullptr) ++bad_stops_;
  fmt::print("  {} {}: {}\n{}\n", name(), how == nullptr ? "stopped badly" : how,
             process::ToText(report), EndOfLog(6));
}

void Replica::Sample(Clock::Time now) {
  if (now < next_sample_) return;
  next_sample_ = now + kSampleEvery;
  try {
    most_resident_bytes_ = std::max(most_resident_bytes_, process_.ResidentBytes());
  } catch (const std::runtime_error&) {
    // It is just ending.
  }
}

bool Replica::Kill9(Clock::Time back) {
  if (!Well() || !wanted_) return false;
  process_.Kill9();
  state_ = State::kDown;
  start_at_ = back;
  return true;
}

bool Replica::Stop(Clock::Duration back) {
  if (!Well()) return false;
  process_.BeginStop();
  state_ = State::kStopping;
  stop_deadline_ = SystemClock().Now() + kStopPatience;
  back_after_stop_ = back;
  return true;
}

bool Replica::Freeze(Clock::Time until) {
  if (!Well() || !wanted_ || !process_.Running()) return false;
  process_.Freeze();
  thaw_ = until;
  return true;
}

bool Replica::JumpClock(std::int64_t offset_ms, Clock::Time back) {
  if (!Kill9(back)) return false;
  clock_offset_ms_ = offset_ms;
  return true;
}

std::string Replica::EndOfLog(std::size_t lines) const {
  const std::string log = process_.Log();
  std::size_t from = log.size();
  for (std::size_t line = 0; from > 0 && line <= lines; ++line) {
    from = log.rfind('\n', from - 1);
    if (from == log.npos) from = 0;
  }
  return log.substr(from);
}

}  // namespace penstock::testing
