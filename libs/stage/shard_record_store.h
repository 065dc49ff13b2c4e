#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "io/key_value.h"
#include "model/shard_record.h"

namespace penstock::stage {

/// The shard's record as its present owner sees it: every write is a compare-and-swap against
/// the last one, so that a process that was overtaken can write nothing any more. One thread.
class ShardRecordStore {
 public:
  ShardRecordStore(io::KeyValue& bucket, ShardId shard, const Clock& clock)
      : bucket_(bucket), shard_(shard), clock_(clock) {}

  /// Becomes the owner: loads the record, or makes it anew, and writes it with the next term.
  /// Waits out an unavailable server until `stop`.
  Result<ShardRecord> TakeOver(std::stop_token stop);

  /// Writes the record. An unknown answer is resolved by looking: the write is repeated, or was
  /// there. Fails with "conflict" (kStop) when another owner has written, "record_gone" (kRetry)
  /// when somebody has removed it, "not_found" (kStop) when the bucket is gone, "stopped" after
  /// `stop`.
  Status Write(const ShardRecord& record, std::stop_token stop);

 private:
  Result<ShardRecord> Load();

  io::KeyValue& bucket_;
  const ShardId shard_;
  const Clock& clock_;
  std::uint64_t revision_ = 0;
};

/// Loads the record of a shard, or makes it with a new birth when there is none: whoever of
/// ingestor and sink comes first. Fails while the server is unavailable.
Result<ShardRecord> LoadOrCreateShardRecord(io::KeyValue& bucket, ShardId shard, const Clock& clock,
                                            std::uint64_t* revision = nullptr);

}  // namespace penstock::stage
