#pragma once

#include <atomic>
#include <cstdint>
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
#include "join/join_metrics.h"
#include "join/side_inbox.h"
#include "model/batch.h"
#include "model/plan.h"
#include "operators/batch_join.h"
#include "protocol/batch_codec.h"
#include "stage/output_stream.h"
#include "stage/owned_shard.h"
#include "state/row_store.h"

namespace penstock::join {

/// Joins one shard: takes in the messages of its two sides and publishes what comes of each to its
/// `out` stream (docs/delivery-guarantees.md, "the join").
///
/// Guarantee: how far the sides are taken in travels in the output, which is published with the
/// expected last sequence, and then the rows go into the store. A store that is behind, damaged or
/// gone is made from the messages that are kept; nothing is sent again. Dead letters are
/// acknowledged before the output that accounts for them. Only messages whose rows nobody can need
/// are trimmed.
///
/// Threads: its own, and two that read ahead.
class ShardJoiner final : public stage::OwnedShard {
 public:
  struct Options {
    std::string pipeline_id;
    ShardId shard;
    std::uint32_t shards = 0;
    JoinPlan plan;
    std::size_t held_bytes = 2 << 20;  ///< Read ahead, of each side.
    Clock::Duration trim_interval = std::chrono::seconds(1);
    /// A message without records from which nothing comes is told of so late at most.
    Clock::Duration quiet_interval = std::chrono::seconds(10);
  };
  struct Parts {
    io::Streams& streams;
    io::Publisher& publisher;
    io::KeyValue& bucket;
    ByteBudget& memory;  ///< Of messages in hand, over all shards.
    const Clock& clock;
    JoinMetrics& metrics;
  };

  /// Error code "config" as BatchJoin::Make.
  static Result<std::unique_ptr<ShardJoiner>> Make(Options options, Parts parts,
                                                   std::unique_ptr<state::RowStore> store);
  ~ShardJoiner() override;

  void Start() override;
  /// Ends after the message in hand; what is not done with is the next owner's.
  void RequestStop() override;
  bool ended() const override { return ended_.load(std::memory_order_relaxed); }
  void StopNow() override;

  std::optional<Error> failure() const override;
  /// The store is where the output is.
  bool started() const override { return started_.load(std::memory_order_relaxed); }

 private:
  ShardJoiner(Options options, Parts parts, std::unique_ptr<state::RowStore> store);

  void Run(std::stop_token stop);
  Status Own(std::stop_token stop);
  Status TakeOver(std::stop_token stop);
  Result<JoinCheckpoint> LastCheckpoint(const std::optional<protocol::Envelope>& last);
  Status Resume(std::stop_token stop);
  Status CheckStream(Side side);
  Status WorkUntilDamaged(std::stop_token stop);
  std::optional<Side> ChooseSide(bool left, bool right) const;
  bool IsTooFarAhead(std::optional<std::int64_t> one_ms,
                     std::optional<std::int64_t> other_ms) const;
  Status Process(Side side, const io::StreamMessage& message, std::stop_token stop);
  Status CheckForeign(Side side, const protocol::Envelope& envelope, StreamSeq seq) const;
  Status SendUnmatched(std::stop_token stop);
  Status Publish(std::optional<Side> side, std::stop_token stop);
  /// The output as messages that the server takes; rows that fit no message become dead letters.
  void Encode(Batch batch, bool last);
  Status SendLetters(std::stop_token stop);
  /// Tries again while the disk does not take it.
  template <typename Call>
  auto WithStore(const std::stop_token& stop, Call call);
  Status Tidy(std::stop_token stop);

  const Options options_;
  Parts parts_;
  const std::unique_ptr<state::RowStore> store_;
  std::optional<operators::BatchJoin> join_;
  stage::OutputStream output_;
  std::uint64_t birth_ = 0;  // Of the sink's record.

  JoinCheckpoint published_;
  Offset step_{0};  // The last one that is published.
  Clock::Time published_at_{};
  Clock::Time next_tidy_{};
  std::unique_ptr<SideInbox> inbox_;
  protocol::Rows rows_;
  operators::BatchJoin::Output out_;
  JoinCheckpoint::Next what_ = JoinCheckpoint::Next::kLeft;  // Is being published.
  std::uint64_t steps_before_ = 0;  // Of what is being published, in earlier parts.
  std::vector<std::string> messages_;
  std::uint64_t rows_out_ = 0;  // Of `messages_`.

  std::atomic<bool> started_ = false;
  std::atomic<bool> ended_ = false;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // Guarded by mutex_.
  std::jthread thread_;
};

}  // namespace penstock::join
