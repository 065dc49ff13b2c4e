#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "io/record_source.h"

namespace penstock::io {

/// Single records of one topic by their place, outside of any consumer group, and where they begin
/// and end. One thread.
class RecordFetcher {
 public:
  virtual ~RecordFetcher() = default;

  /// The record at that offset, alone in its chunk; null when Kafka does not have it any more
  /// (retention, compaction, the topic was made anew and is shorter). "unavailable": no answer
  /// before `deadline`.
  virtual Result<std::unique_ptr<RecordChunk>> Fetch(std::int32_t partition, Offset offset,
                                                     Clock::Time deadline) = 0;
  /// How many partitions the topic has; the errors of RecordSource.
  virtual Result<std::int32_t> PartitionCount(Clock::Time deadline) = 0;
  virtual Result<Watermarks> QueryWatermarks(std::int32_t partition, Clock::Time deadline) = 0;
};

}  // namespace penstock::io
