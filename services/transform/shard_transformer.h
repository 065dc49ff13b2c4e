#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/byte_budget.h"
#include "base/clock.h"
#include "io/key_value.h"
#include "io/stream.h"
#include "model/batch.h"
#include "model/plan.h"
#include "operators/batch_transform.h"
#include "operators/retention.h"
#include "protocol/batch_codec.h"
#include "stage/owned_shard.h"
#include "state/key_store.h"
#include "transform/shard_keys.h"
#include "transform/shard_output.h"
#include "transform/transform_metrics.h"

namespace penstock::transform {

/// Transforms one shard: reads the stream of the plan's hop `from` in order, and for each message
/// publishes its output to the hop `to`, also when no row is left (docs/delivery-guarantees.md, "a
/// transform's output is its checkpoint").
///
/// Guarantee: the input position travels in the output, which is published with the expected last
/// sequence: an input message is done with exactly when its output is there, with a shuffle in
/// every shard. Dead letters are acknowledged before the output that accounts for them; new dedup
/// keys are in the key log before it. Only what is done with is trimmed.
///
/// Threads: its own.
class ShardTransformer final : public stage::OwnedShard {
 public:
  struct Options {
    std::string pipeline_id;
    ShardId shard;
    std::uint32_t shards = 0;
    Fingerprints input;  ///< Of the ingestor.
    TransformPlan plan;
    Clock::Duration trim_interval = std::chrono::seconds(1);
  };
  struct Parts {
    io::Streams& streams;
    io::Publisher& publisher;
    io::KeyValue& bucket;
    ByteBudget& memory;  ///< Of messages in hand, over all shards.
    const Clock& clock;
    TransformMetrics& metrics;
  };

  /// `store`: null where the plan has no dedup. Error code "config" as BatchTransform::Make.
  static Result<std::unique_ptr<ShardTransformer>> Make(Options options, Parts parts,
                                                        std::unique_ptr<state::KeyStore> store);
  ~ShardTransformer() override;

  void Start() override;
  /// Ends after the message in hand; what is not done with is the next owner's.
  void RequestStop() override;
  bool ended() const override { return ended_.load(std::memory_order_relaxed); }
  void StopNow() override;

  std::optional<Error> failure() const override;
  /// The checkpoint is known and the dedup state is there.
  bool started() const override { return started_.load(std::memory_order_relaxed); }

 private:
  ShardTransformer(Options options, Parts parts, std::unique_ptr<state::KeyStore> store,
                   operators::BatchTransform transform);

  void Run(std::stop_token stop);
  Status Own(std::stop_token stop);
  Status TakeOver(std::stop_token stop);
  Status ExpectOrigins();
  Status Process(const io::StreamMessage& message, std::stop_token stop);
  /// With all that comes before it: letters, and new keys in the key log.
  Status PublishOutput(const protocol::Envelope& envelope, const io::StreamMessage& message,
                       std::stop_token stop);
  Status CheckForeign(const protocol::Envelope& envelope, StreamSeq seq) const;
  Status Apply(const protocol::Envelope& envelope, std::stop_token stop);
  Status SendLetters(std::stop_token stop);
  /// The keys of the message go into the store, those that are not needed any more out of it.
  Status UpdateKeys(const protocol::Envelope& envelope, std::stop_token stop);
  void TrimInput();

  const Options options_;
  Parts parts_;
  const std::string in_stream_;
  const std::unique_ptr<state::KeyStore> store_;
  operators::BatchTransform transform_;
  ShardOutput output_;
  std::optional<ShardKeys> keys_;
  operators::Retention retention_;

  StreamSeq trimmed_{0};
  Clock::Time next_trim_{};
  std::optional<std::int64_t> forgotten_before_;
  protocol::Rows rows_;
  operators::BatchTransform::Output out_;

  std::atomic<bool> started_ = false;
  std::atomic<bool> ended_ = false;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // Guarded by mutex_.
  std::jthread thread_;
};

}  // namespace penstock::transform
