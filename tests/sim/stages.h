#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/result.h"
#include "sim/key_value.h"
#include "sim/process.h"
#include "sim/streams.h"
#include "sim/world.h"

namespace penstock::sim {

enum class Stage : std::uint8_t { kIngestor, kTransform, kSink };

/// How the stages of a run are set up: small enough that much happens within a few records.
struct Setup {
  bool leases = false;  ///< Replicas share the shards by leases; else each works on all of them.
  std::size_t batch_bytes = 0;
  Clock::Duration batch_delay{};
  std::size_t block_rows = 0;
  Clock::Duration block_delay{};
};

/// One life of one replica of a stage: what the service's build.cc makes, over the simulated
/// network, in threads of its own.
class Life {
 public:
  Life(World& world, Network& network, const Setup& setup, Stage stage, std::string replica);
  /// SIGTERM, if it lives.
  ~Life();

  /// Or it has died: then the machine it ran on does not know yet.
  bool ended() const { return ended_ || !process_.alive(); }
  /// kill -9: nothing that it does from now on has an effect.
  void Kill();

 private:
  Status Run(std::stop_token stop);
  Status RunIngestor(std::stop_token stop);
  Status RunTransform(std::stop_token stop);
  Status RunSink(std::stop_token stop);
  /// The shard's streams on these hops are made again where they are gone.
  Status EnsureStreams(std::initializer_list<protocol::Hop> hops, ShardId shard);

  World& world_;
  Network& network_;
  const Setup setup_;
  const Stage stage_;
  const std::string replica_;
  Process process_;
  Streams streams_;
  KeyValue bucket_;
  bool ended_ = false;
  std::jthread thread_;
};

}  // namespace penstock::sim
