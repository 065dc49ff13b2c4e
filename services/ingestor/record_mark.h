#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/hash.h"
#include "ingestor/shard_output.h"
#include "io/record_source.h"
#include "model/origin_record.h"

namespace penstock::ingestor {

/// What tells this record from another one at its offset. Hashes the record once.
inline RecordMark MarkOf(const io::Record& record) {
  std::string bytes;
  AppendVarint(bytes, static_cast<std::uint64_t>(record.timestamp_ms));
  AppendFixed(bytes, Hash64(record.key));
  AppendFixed(bytes, Hash64(record.value));
  AppendFixed<std::uint8_t>(bytes, record.has_value ? 1 : 0);
  return {.offset = record.offset, .digest = Hash64(bytes)};
}

/// Of the last record before the one at hand.
inline std::optional<RecordMark> MarkBefore(const PartitionStay& partition) {
  return partition.previous == nullptr ? partition.before
                                       : std::optional(MarkOf(*partition.previous));
}

}  // namespace penstock::ingestor
