#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/stream.h"
#include "model/batch.h"
#include "model/dead_letter.h"
#include "model/plan.h"
#include "stage/output_stream.h"
#include "transform/transform_metrics.h"

namespace penstock::transform {

/// Where the rows of a shard go, and, from what was published there, how far the shard's input is
/// done with.
///
/// Without a shuffle that is one stream, fenced as a whole: one message of the input becomes one in
/// it. With a shuffle there is a target for each shard of the next hop, with a subject of this
/// shard's own in its stream, fenced by subject: one message of the input becomes one in each
/// target, also where no row goes. Every target has its own position in the input; what a
/// target has already it is not sent again.
///
/// An output that outgrows the server's max_payload goes in parts; all but the last carry the
/// position before the message, so that whoever takes over does it again, and the stages behind
/// know what they have. One owner thread.
class ShardOutput {
 public:
  struct Options {
    std::string pipeline_id;
    ShardId shard;
    std::uint32_t shards = 0;
    TransformPlan plan;
  };
  struct Parts {
    io::Streams& streams;
    io::Publisher& publisher;
    const Clock& clock;
    TransformMetrics& metrics;
  };

  ShardOutput(Options options, Parts parts);

  /// Looks at the ends of all targets. Waits out an unavailable server until `stop`. Error
  /// "foreign_batch" (kStop): what is there was not written by this pipeline's transform.
  Status Open(std::stop_token stop);
  /// Of the input: the last message that every target has.
  Position position() const;
  /// Something was there when it was opened.
  bool had_messages() const;

  /// Makes the messages of what became of the input's message at `input`. Rows that fit no message
  /// become dead letters.
  void Encode(Batch& batch, const Position& input, std::vector<DeadLetter>& letters);
  /// The rows in the messages that were made, and in those that targets have already.
  std::uint64_t rows() const { return rows_; }
  /// Publishes them and waits until JetStream has all of them. Errors as OutputStream::Publish.
  Status Publish(std::stop_token stop);
  /// Whether the targets still have what was published, as OutputStream::CheckIsThere.
  Status CheckIsThere() const;

 private:
  struct Target {
    stage::OutputStream output;
    Position position{};  // Of the input: the last message that it has.
    std::vector<std::string> messages{};
  };

  bool shuffles() const { return !options_.plan.shuffle_key.empty(); }
  void AddTarget(ShardId shard);
  Status CheckOurs(const protocol::Envelope& last, ShardId target) const;
  Result<Position> CheckedPosition(const Position& position);
  void EncodeTo(Target& target, Batch& batch, const Position& input,
                std::vector<DeadLetter>& letters);

  const Options options_;
  Parts parts_;
  const std::string in_stream_;
  std::vector<Target> targets_;
  std::vector<Batch> shuffled_;  // One for each target.
  Position encoded_;             // The message whose output is in the targets.
  std::uint64_t rows_ = 0;
};

}  // namespace penstock::transform
