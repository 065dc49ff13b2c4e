#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "io/record_source.h"

namespace penstock::io {

/// Offsets of a partition: [from, to).
struct OffsetRange {
  std::int32_t partition = 0;
  Offset from;
  Offset to;
};

/// Records of one topic by their place, outside of any consumer group, and where they begin and
/// end. One thread.
class RecordFetcher {
 public:
  virtual ~RecordFetcher() = default;

  /// The record at that offset, alone in its chunk; null when Kafka does not have it any more
  /// (retention, compaction, the topic was made anew and is shorter). "unavailable": no answer
  /// before `deadline`.
  virtual Result<std::unique_ptr<RecordChunk>> Fetch(std::int32_t partition, Offset offset,
                                                     Clock::Time deadline) = 0;
  /// Reads the range and tells the offset of each record that Kafka has there now, in order. Fails
  /// with "unavailable" when nothing comes for `patience`.
  virtual Status Scan(const OffsetRange& range, Clock::Duration patience, std::stop_token stop,
                      const std::function<void(Offset)>& on_record) = 0;
  /// How many partitions the topic has; the errors of RecordSource.
  virtual Result<std::int32_t> PartitionCount(Clock::Time deadline) = 0;
  virtual Result<Watermarks> QueryWatermarks(std::int32_t partition, Clock::Time deadline) = 0;
  /// The first offset with a timestamp at or after `timestamp_ms`; the end if there is none.
  virtual Result<Offset> OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                                      Clock::Time deadline) = 0;
};

}  // namespace penstock::io
