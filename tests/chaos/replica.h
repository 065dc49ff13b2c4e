#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "chaos/stream_gate.h"
#include "support/service_process.h"

namespace penstock::testing {

/// A process of the pipeline with its own way to NATS, and somebody who looks after it: one that
/// ends by itself is counted, and started again after a second. Never waits. One thread.
class Replica {
 public:
  /// `arguments` are asked for at each start.
  Replica(ServiceProcess process, std::uint16_t nats_port,
          std::function<std::vector<std::string>(const Replica&)> arguments);

  /// What is due now.
  void Tick(Clock::Time now);

  // Faults. Each does nothing, and says false, unless the process runs and is well.
  bool Kill9(Clock::Time back);
  /// SIGTERM; `back` is counted from its end.
  bool Stop(Clock::Duration back);
  bool Freeze(Clock::Time until);
  /// Comes back with a time of day that is so far away.
  bool JumpClock(std::int64_t offset_ms, Clock::Time back);

  /// Whether it shall be there: one that shall not is stopped for good.
  void Want(bool wanted);
  bool wanted() const { return wanted_; }
  /// It runs, or it shall not and does not.
  bool Settled() const {
    return wanted_ ? state_ == State::kRunning && !thaw_ : state_ == State::kOff;
  }
  bool Well() const { return state_ == State::kRunning && !thaw_; }

  const std::string& name() const { return process_.name(); }
  StreamGate& nats() { return nats_; }
  std::uint16_t nats_port() const { return nats_.port(); }
  std::int64_t clock_offset_ms() const { return clock_offset_ms_; }

  /// How often it ended by itself, and what it said when it did.
  int ended_by_itself() const { return ended_by_itself_; }
  /// How often it did not stop in time, or not cleanly, after SIGTERM.
  int bad_stops() const { return bad_stops_; }
  int starts() const { return starts_; }
  std::uint64_t most_resident_bytes() const { return most_resident_bytes_; }
  std::string EndOfLog(std::size_t lines) const;

 private:
  enum class State : std::uint8_t { kOff, kRunning, kStopping, kDown };

  void Start();
  void NoteEnd(const char* how);
  void Sample(Clock::Time now);

  ServiceProcess process_;
  StreamGate nats_;
  std::function<std::vector<std::string>(const Replica&)> arguments_;
  State state_ = State::kOff;
  bool wanted_ = false;
  Clock::Time start_at_{};              // While kDown.
  Clock::Time stop_deadline_{};         // While kStopping.
  Clock::Duration back_after_stop_{0};  // While kStopping.
  std::optional<Clock::Time> thaw_;     // Set: it is frozen.
  Clock::Time next_sample_{};
  std::int64_t clock_offset_ms_ = 0;
  int ended_by_itself_ = 0;
  int bad_stops_ = 0;
  int starts_ = 0;
  std::uint64_t most_resident_bytes_ = 0;
};

}  // namespace penstock::testing
