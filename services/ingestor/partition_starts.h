#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ingestor/commit_tracker.h"
#include "ingestor/ingestor_metrics.h"
#include "ingestor/partition_start.h"
#include "io/key_value.h"
#include "io/record_source.h"
#include "io/stream.h"
#include "model/pipeline_spec.h"

namespace penstock::ingestor {

/// Finds out where partitions begin when they are assigned, and keeps what their next owner has to
/// know: the committed offset with its mark in Kafka, and a record of each partition beside the
/// sinks' records.
///
/// Guarantee: what Begin gives is committed in Kafka under its generation and incarnation, and our
/// record says so. One thread, the poll thread; every call waits for Kafka and NATS at most a few
/// seconds each.
class PartitionStarts {
 public:
  struct Options {
    std::string source_id;
    std::string topic;
    InitialOffset initial_offset;
    std::vector<std::string> streams;  ///< That the source's rows are published to, by shard.
    /// So long a topic must be shorter than what is committed before it counts as made anew: an end
    /// may lag for a moment after a broker has died.
    Clock::Duration above_end = std::chrono::seconds(5);
  };
  /// The record at that offset, as io::RecordFetcher::Fetch.
  using FetchRecord = std::function<Result<std::unique_ptr<io::RecordChunk>>(
      std::int32_t partition, Offset offset, Clock::Time deadline)>;
  struct Parts {
    io::RecordSource& source;
    FetchRecord fetch;
    io::KeyValue& bucket;
    io::Streams& streams;
    const CommitTracker& tracker;
    const Clock& clock;
    IngestorMetrics& metrics;
  };

  PartitionStarts(Options options, Parts parts);

  /// Where the partition begins. Fails with kRetry errors when somebody does not answer, or another
  /// process is at it.
  Result<CommitTracker::Beginning> Begin(std::int32_t partition,
                                         const std::optional<io::CommittedOffset>& committed);
  /// Writes the partition's record if it has changed; what fails is said and tried the next time.
  void Keep(std::int32_t partition);
  /// It is not ours any more.
  void Forget(std::int32_t partition) { kept_.erase(partition); }

 private:
  struct Kept {
    std::uint64_t revision = 0;
    std::optional<OriginRecord> record;
  };

  Result<StartEvidence> Gather(std::int32_t partition,
                               const std::optional<io::CommittedOffset>& committed);
  Status ReadRecord(std::int32_t partition, std::optional<OriginRecord>& record);
  Result<StartEvidence::Check> CheckMark(std::int32_t partition, const RecordMark& mark,
                                         const io::Watermarks& marks);
  Status WaitAboveEnd(std::int32_t partition, const StartEvidence& evidence);
  Result<Offset> InitialStart(std::int32_t partition, const io::Watermarks& marks);
  /// Whether the message is still in the stream. "not_found": the stream is not there.
  Result<bool> IsKnown(const std::string& stream, const Position& position);
  Result<bool> StreamsHold(const Origin& origin, const OriginRecord& record);
  Status Write(std::int32_t partition, const OriginRecord& record);
  Clock::Time Deadline() const;

  const Options options_;
  Parts parts_;
  std::map<std::int32_t, Kept> kept_;
  std::map<std::int32_t, Clock::Time> above_end_since_;
};

}  // namespace penstock::ingestor
