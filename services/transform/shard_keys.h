#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/stream.h"
#include "model/first_row.h"
#include "state/key_store.h"
#include "transform/transform_metrics.h"

namespace penstock::transform {

/// A shard's dedup state: the key log in JetStream, and the store on disk that follows it. The
/// log is the truth; a store that is missing, behind or damaged is made from it again.
///
/// Order (docs/delivery-guarantees.md, "deduplication"): new first rows are appended to the log,
/// then the output is published, then they go into the store. One owner thread.
class ShardKeys {
 public:
  struct Options {
    ShardId shard;
    std::string stream;
    std::string subject;
  };
  struct Parts {
    io::Streams& streams;
    io::Publisher& publisher;
    const Clock& clock;
    TransformMetrics& metrics;
  };

  ShardKeys(Options options, Parts parts, state::KeyStore& store)
      : options_(std::move(options)), parts_(parts), store_(store) {}

  /// Brings the store up to the end of the log. `expect_rows`: the shard has had rows before, so
  /// that an empty log and an empty store mean that its memory is lost.
  Status Open(bool expect_rows, std::stop_token stop);

  /// Appends to the log and waits until JetStream has it.
  Status Append(std::span<const FirstRow> rows, std::stop_token stop);
  /// Puts what was appended last into the store. Waits while the disk is full.
  Status Remember(std::span<const FirstRow> rows, std::stop_token stop);
  /// Forgets rows older than this, in the store and in the log.
  Status Forget(std::int64_t before_ms, std::stop_token stop);
  /// The store cannot be trusted: makes it from the log again.
  Status Rebuild(const Error& damage, std::stop_token stop);

 private:
  Result<io::StreamState> CheckLog(bool expect_rows);
  Result<io::PublishAck> AppendNow();
  Status Replay(const io::StreamState& log, std::stop_token stop);
  Status ReadUpTo(StreamSeq last, std::stop_token stop);
  Status ReplaySome(io::StreamReader& reader, std::stop_token stop);
  Status Store(std::span<const FirstRow> rows, const Position& log, std::stop_token stop);

  const Options options_;
  Parts parts_;
  state::KeyStore& store_;
  std::int64_t created_ns_ = 0;  // Of the log.
  Position appended_;
  std::string message_;
  std::vector<FirstRow> replayed_;
};

}  // namespace penstock::transform
