#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ingestor/commit_tracker.h"
#include "io/key_value.h"
#include "model/shard_record.h"

namespace penstock::ingestor {

/// The sinks' records as the ingestor sees them: the birth that its sections carry, and the
/// progress that lets Kafka's offset be committed. Thread-safe.
class SinkView {
 public:
  SinkView(io::KeyValue& bucket, std::uint32_t shards, std::string source_id,
           CommitTracker& tracker, const Clock& clock);

  /// Loads every shard's record, making those that do not exist yet, and follows their changes from
  /// then on. Waits out an unavailable server until `stop`.
  Status Start(std::stop_token stop);

  std::uint64_t Birth(ShardId shard) const { return births_[shard.rep()].load(); }

 private:
  void Take(ShardId shard, const ShardRecord& record);
  void OnChange(const std::string& key, const std::optional<io::KeyValueEntry>& entry);

  io::KeyValue& bucket_;
  const std::string source_id_;
  CommitTracker& tracker_;
  const Clock& clock_;
  std::vector<std::atomic<std::uint64_t>> births_;
  std::unique_ptr<io::KeyValue::Watch> watch_;
};

}  // namespace penstock::ingestor
