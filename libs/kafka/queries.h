#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/record_source.h"
#include "kafka/rdkafka_handles.h"

namespace penstock::kafka {

/// Questions to the brokers about one topic, and commits, each bounded by its deadline. Thread-safe
/// as far as librdkafka is. Does not own the client.
class Queries {
 public:
  Queries(rd_kafka_t* client, std::string topic, std::string group, const Clock& clock);

  Result<std::vector<std::optional<io::CommittedOffset>>> Committed(
      std::span<const std::int32_t> partitions, Clock::Time deadline);
  Status Commit(std::span<const io::OffsetToCommit> offsets, Clock::Time deadline);
  Result<io::Watermarks> QueryWatermarks(std::int32_t partition, Clock::Time deadline);
  Result<Offset> OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                              Clock::Time deadline);
  Result<std::int32_t> PartitionCount(Clock::Time deadline);

 private:
  Result<std::int64_t> ListOffset(std::int32_t partition, std::int64_t time, Clock::Time deadline);
  std::string Where(std::int32_t partition) const;

  rd_kafka_t* client_;
  std::string topic_;
  std::string group_;
  const Clock& clock_;
};

}  // namespace penstock::kafka
