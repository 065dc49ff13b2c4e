#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "ingestor/commit_tracker.h"
#include "ingestor/ingestor_metrics.h"
#include "ingestor/sink_view.h"
#include "io/stream.h"
#include "model/batch.h"
#include "model/dead_letter.h"
#include "model/plan.h"
#include "stage/dead_letters.h"

namespace penstock::ingestor {

/// A partition of the topic as one stay of it with this process sees it.
struct PartitionStay {
  /// Where the partition's section of a shard stands.
  struct InShard {
    Offset after{-1};         ///< The last offset in an earlier section, or the start - 1.
    std::uint64_t batch = 0;  ///< The output's batch that `section` belongs to; 0: none.
    std::size_t section = 0;
  };

  CommitTracker::Stay stay;
  Offset start;  ///< What was committed when the stay began.
  Origin origin;
  std::vector<InShard> shards;
};

/// What one worker sends into one shard: a batch being filled, and at most one being published.
///
/// Guarantees (docs/delivery-guarantees.md, "no gaps"): the next batch goes out only after
/// JetStream has acknowledged the last one; after a time-out the same bytes are sent again; the
/// dead letters of a batch are acknowledged before the batch that accounts for them is sent.
///
/// One owner thread, the worker's; answers come back through `on_answer`, which is called from
/// the publisher's thread and has to bring them to `Answer` on the worker's.
class ShardOutput {
 public:
  struct Options {
    std::string pipeline_id;
    ShardId shard;
    std::uint32_t shards = 0;
    std::string subject;
    std::string dead_letter_subject;
    Fingerprints fingerprints;
    std::vector<PlannedField> columns;  ///< Those that are sent, in order.
    std::size_t target_bytes = 0;       ///< Of a batch, compressed.
    Clock::Duration max_delay{};
  };
  struct Parts {
    io::Publisher& publisher;
    CommitTracker& tracker;
    const SinkView& sinks;
    const Clock& clock;
    IngestorMetrics& metrics;
  };
  using AnswerCallback = std::function<void(ShardId, Result<io::PublishAck>)>;

  ShardOutput(Options options, Parts parts, AnswerCallback on_answer);

  /// Whether a row of about `bytes` can be taken now; if not, one can after an Answer.
  bool CanTake(std::size_t bytes) const;
  /// The largest row that any batch can carry.
  std::size_t LargestRow() const { return raw_limit_; }

  void AppendRow(PartitionStay& partition, Offset offset, std::int64_t timestamp_ms,
                 std::span<const Cell> cells, std::size_t bytes);
  void AppendDeadLetter(PartitionStay& partition, DeadLetter letter);

  /// Publishes what is due: a full batch, one that is old enough, or (`flush`) any.
  void SendIfDue(bool flush);
  /// When SendIfDue has something to do without a new row or answer.
  Clock::Time Deadline() const;
  /// The answer to what was sent. Fails when it can never be sent.
  Status Answer(Result<io::PublishAck> answer);

  bool idle() const { return !sending_ && open_.sections.empty(); }

 private:
  struct Sending {
    std::vector<stage::DeadLetterPacker::Message> letters;
    std::size_t letters_sent = 0;
    std::string batch;
    std::size_t rows = 0;
    std::vector<std::pair<CommitTracker::Stay, Offset>> sections;  ///< Each with its last offset.
    bool waiting = false;  ///< For an answer; else for `retry_at`.
    Clock::Time retry_at{};
    Clock::Time sent{};
  };

  Section& SectionOf(PartitionStay& partition, Offset first);
  void Extend(PartitionStay& partition, Offset offset, Outcome outcome);
  bool Full() const;
  std::size_t RawLimit() const;
  void Seal();
  void Send();

  const Options options_;
  Parts parts_;
  const AnswerCallback on_answer_;

  Batch open_;
  std::vector<CommitTracker::Stay> open_stays_;  // One for each section of open_.
  std::size_t raw_limit_;                        // Of open_; another server may have another one.
  stage::DeadLetterPacker letters_;
  std::uint64_t batch_number_ = 1;
  std::size_t raw_bytes_ = 0;
  Clock::Time opened_{};
  double compression_ = 1.0;  // Compressed bytes for each raw one, of the last batches.
  std::optional<Sending> sending_;
  Backoff backoff_{std::chrono::milliseconds(20), std::chrono::seconds(2)};
};

}  // namespace penstock::ingestor
