#include "sink/sink.h"

#include "base/wait.h"
#include "telemetry/log.h"

namespace penstock::sink {

namespace {

constexpr auto kCheckInterval = std::chrono::seconds(1);

}  // namespace

Sink::Sink(Clock::Duration drain_limit, Parts parts)
    : drain_limit_(drain_limit),
      parts_(parts),
      shards_(parts.health.Require("shards")),
      heartbeat_(parts.health.Watch("sink")) {}

Status Sink::Run(std::stop_token stop) {
  for (const auto& writer : parts_.writers) writer->Start();
  Status checked = Done{};
  while (checked.ok() && WaitUntil(parts_.clock.Now() + kCheckInterval, stop)) checked = Check();
  Drain();
  return checked;
}

Status Sink::Check() {
  heartbeat_.Beat();
  for (const auto& writer : parts_.writers) {
    const auto failed = writer->failure();
    if (!failed) continue;
    shards_.Fails(failed->detail);
    return failed->code == "conflict" ? Status(*failed) : Status(Done{});
  }
  shards_.Holds();
  return Done{};
}

// All shards at once, and only then the pool: blocks in flight need it to be confirmed.
void Sink::Drain() {
  Log(LogLevel::kInfo, "Stopping: inserting what is held.");
  const Clock::Time deadline = parts_.clock.Now() + drain_limit_;
  for (const auto& writer : parts_.writers) writer->BeginDrain();
  for (const auto& writer : parts_.writers) writer->FinishDrain(deadline);
  parts_.pool.Stop();
}

}  // namespace penstock::sink
