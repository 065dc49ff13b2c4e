#include "stage/shard_loop.h"

#include "base/wait.h"
#include "telemetry/log.h"

namespace penstock::stage {

namespace {

constexpr auto kCheckInterval = std::chrono::milliseconds(500);

}  // namespace

ShardLoop::ShardLoop(const std::string& stage, Parts parts)
    : parts_(parts),
      shards_(parts.health.Require("shards")),
      heartbeat_(parts.health.Watch(stage)) {}

Status ShardLoop::Run(std::stop_token stop) {
  for (const auto& shard : parts_.shards) shard->Start();
  Status checked = Done{};
  while (checked.ok() && WaitUntil(parts_.clock.Now() + kCheckInterval, stop)) checked = Check();
  Log(LogLevel::kInfo, "Stopping: finishing the messages in hand.");
  for (const auto& shard : parts_.shards) shard->RequestStop();
  for (const auto& shard : parts_.shards) shard->Join();
  return checked;
}

Status ShardLoop::Check() {
  heartbeat_.Beat();
  bool started = true;
  for (const auto& shard : parts_.shards) {
    const auto failed = shard->failure();
    started &= shard->started();
    if (!failed) continue;
    shards_.Fails(failed->detail);
    return failed->code == "conflict" ? Status(*failed) : Status(Done{});
  }
  if (started) {
    shards_.Holds();
  } else {
    shards_.Fails("shards are being taken over");
  }
  return Done{};
}

}  // namespace penstock::stage
