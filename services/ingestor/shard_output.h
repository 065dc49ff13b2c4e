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
#include "ingestor/partition_clock.h"
#include "ingestor/sink_view.h"
#include "ingestor/stream_room.h"
#include "ingestor/stream_watch.h"
#include "io/record_source.h"
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
    Clock::Time told = Clock::Time::min();  ///< When its last section was made.
    std::uint64_t filled = 0;               ///< The output's batch that has records of it; 0: none.
    Offset sent{-1};                        ///< `after` in front of those records,
    std::optional<std::int64_t> sent_clock_ms{};  ///< and how far time had come.
  };

  CommitTracker::Stay stay;
  Offset start;  ///< What was committed when the stay began.
  Origin origin;
  /// The last record before the one at hand: itself, or (null) its mark.
  const io::Record* previous = nullptr;
  std::optional<RecordMark> before{};
  PartitionClock clock{};
  std::vector<InShard> shards;
};

/// What one worker sends into one shard: a batch being filled, and at most one being published.
///
/// Guarantees (docs/delivery-guarantees.md, "no gaps"): the next batch goes out only after
/// JetStream has acknowledged the last one; after a time-out the same bytes are sent again; the
/// dead letters of a batch are acknowledged before the batch that accounts for them is sent. In
/// front of a join sections say how far their partition's time has come; a section's clock never
/// speaks of records that come after it.
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
    bool clocks = false;  ///< A join follows.
  };
  struct Parts {
    io::Publisher& publisher;
    CommitTracker& tracker;
    const SinkView& sinks;
    const Clock& clock;
    IngestorMetrics& metrics;
    /// Null: batches are sent as long as the stream takes them.
    StreamRoom* room = nullptr;
    /// Null: nobody looks after the streams.
    StreamWatch* watch = nullptr;
  };
  using AnswerCallback = std::function<void(ShardId, Result<io::PublishAck>)>;
  /// Null: the stay has ended.
  using FindPartition = std::function<const PartitionStay*(CommitTracker::Stay)>;

  /// `find` is asked for clocks only.
  ShardOutput(Options options, Parts parts, AnswerCallback on_answer, FindPartition find = {});

  /// Whether a row of about `bytes` can be taken now; if not, one can after an Answer.
  bool CanTake(std::size_t bytes) const;
  /// The largest row that any batch can carry.
  std::size_t LargestRow() const { return raw_limit_; }

  void AppendRow(PartitionStay& partition, Offset offset, std::int64_t timestamp_ms,
                 std::span<const Cell> cells, std::size_t bytes);
  void AppendDeadLetter(PartitionStay& partition, DeadLetter letter);
  /// Sends how far the partitions' time has come, in sections without records. False: not all of
  /// them have a place now.
  bool TellClocks(std::span<PartitionStay* const> partitions);

  /// Publishes what is due: a full batch, one that is old enough, or (`flush`) any.
  void SendIfDue(bool flush);
  /// When SendIfDue has something to do without a new row or answer.
  Clock::Time Deadline() const;
  /// The answer to what was sent. Fails when it can never be sent.
  Status Answer(Result<io::PublishAck> answer);

  /// For an Answer.
  bool waiting() const { return sending_ && sending_->waiting; }
  bool idle() const { return !sending_ && open_.sections.empty(); }
  ShardId shard() const { return options_.shard; }

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

  Section& SectionOf(PartitionStay& partition);
  void Extend(PartitionStay& partition, Offset offset, std::int64_t timestamp_ms, Outcome outcome);
  bool Full() const;
  bool WaitsForRoom() const;
  bool SendClocksAlone(std::span<PartitionStay* const> partitions);
  Batch EmptyBatch() const;
  void Stamp(Section& section) const;
  void StampClock(std::size_t section);
  std::size_t RawLimit() const;
  void Seal();
  void Send();
  void Acknowledged(const io::PublishAck& ack);

  const Options options_;
  Parts parts_;
  const AnswerCallback on_answer_;
  const FindPartition find_;

  Batch open_;
  std::vector<CommitTracker::Stay> open_stays_;  // One for each section of open_.
  std::size_t raw_limit_;                        // Of open_; another server may have another one.
  stage::DeadLetterPacker letters_;
  std::uint64_t batch_number_ = 1;
  std::size_t raw_bytes_ = 0;
  Clock::Time opened_{};
  Clock::Time next_look_ = Clock::Time::min();  // For room, where it was missing.
  double compression_ = 1.0;  // Compressed bytes for each raw one, of the last batches.
  std::optional<Sending> sending_;
  StreamSeq acknowledged_{0};
  Backoff backoff_{std::chrono::milliseconds(20), std::chrono::seconds(2)};
};

}  // namespace penstock::ingestor
