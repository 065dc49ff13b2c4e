#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "io/stream.h"
#include "model/batch.h"
#include "protocol/batch_codec.h"
#include "transform/transform_metrics.h"

namespace penstock::transform {

/// A shard's output: the checkpoint is in its last message, and every message is published with
/// the expected last sequence, so that a process that was overtaken can write nothing any more.
/// One owner thread.
class OutputStream {
 public:
  struct Options {
    std::string stream;
    std::string subject;
    ShardId shard;
  };
  struct Parts {
    io::Streams& streams;
    io::Publisher& publisher;
    const Clock& clock;
    TransformMetrics& metrics;
  };

  OutputStream(Options options, Parts parts) : options_(std::move(options)), parts_(parts) {}

  /// Finds the end of the stream and what the last message says of the input; empty when there is
  /// no message. Waits out an unavailable server until `stop`.
  Result<std::optional<protocol::Envelope>> Open(std::stop_token stop);

  /// Publishes and waits until JetStream has it, for as long as that takes or until `stop`. Error
  /// "conflict" (kStop): somebody else has written to this stream since.
  Status Publish(std::string_view message, std::stop_token stop);

  bool had_messages() const { return last_.rep() > 0; }

 private:
  Result<std::optional<protocol::Envelope>> Look();
  Result<bool> IsOurs(std::string_view message);

  const Options options_;
  Parts parts_;
  StreamSeq last_{0};
};

}  // namespace penstock::transform
