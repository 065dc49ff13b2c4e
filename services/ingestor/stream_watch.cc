#include "ingestor/stream_watch.h"

#include <algorithm>
#include <utility>

#include "telemetry/log.h"

namespace penstock::ingestor {

StreamWatch::StreamWatch(std::vector<io::StreamConfig> shards, io::StreamConfig dead_letters,
                         Parts parts)
    : shards_(std::move(shards)),
      dead_letters_(std::move(dead_letters)),
      parts_(parts),
      seen_(shards_.size()) {}

void StreamWatch::Look() {
  for (std::uint32_t shard = 0; shard < shards_.size(); ++shard) Look(ShardId(shard));
  if (const auto state = StateOf(dead_letters_, dead_letters_gone_); !state.ok()) {
    parts_.metrics.StreamNotSeen(dead_letters_.name, state.error());
  }
}

// One that was just deleted is not made again at once: stage::ShardSet says why.
Result<io::StreamState> StreamWatch::StateOf(const io::StreamConfig& config, bool& was_gone) {
  auto state = parts_.streams.State(config.name);
  const bool gone = !state.ok() && state.error().code == "not_found";
  if (gone && was_gone) state = parts_.streams.Ensure(config);
  was_gone = gone;
  return state;
}

void StreamWatch::Look(ShardId shard) {
  Seen& seen = seen_[shard.rep()];
  const io::StreamConfig& config = shards_[shard.rep()];
  // Both before the question: what is published meanwhile may count twice, never not at all.
  const StreamSeq acknowledged(seen.acknowledged.load());
  const std::uint64_t published = parts_.room == nullptr ? 0 : parts_.room->published(shard);
  const auto asked = StateOf(config, seen.gone);
  if (!asked.ok()) return parts_.metrics.StreamNotSeen(config.name, asked.error());
  const io::StreamState& state = asked.value();
  if (parts_.room != nullptr) parts_.room->Seen(shard, published, state);
  const std::int64_t created = seen.created_ns.load();
  const bool replaced = created != 0 && created != state.created_ns;
  if (replaced || state.last < std::max(seen.last, acknowledged)) {
    Log(LogLevel::kError,
        replaced ? "A stream was replaced by another: what it held is read from Kafka again."
                 : "A stream has lost its end: what it held is read from Kafka again.",
        {{"stream", config.name},
         {"ends_at", state.last},
         {"ended_at", std::max(seen.last, acknowledged)}});
    seen.acknowledged = 0;
    parts_.tracker.Lose(shard, LossReason::kStream);
  }
  seen.created_ns = state.created_ns;
  seen.last = state.last;
}

std::int64_t StreamWatch::CreatedNs(ShardId shard) const {
  return seen_[shard.rep()].created_ns.load();
}

void StreamWatch::Acknowledged(ShardId shard, StreamSeq seq) {
  std::atomic<std::uint64_t>& highest = seen_[shard.rep()].acknowledged;
  std::uint64_t known = highest.load();
  while (known < seq.rep() && !highest.compare_exchange_weak(known, seq.rep())) {
  }
}

}  // namespace penstock::ingestor
