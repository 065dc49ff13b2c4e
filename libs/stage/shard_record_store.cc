#include "stage/shard_record_store.h"

#include "base/patience.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"

namespace penstock::stage {

namespace {

bool IsUnknown(const Error& error) {
  return error.remedy == Remedy::kRetry;
}

Error Overtaken(ShardId shard) {
  return Error{Remedy::kStop, "conflict",
               fmt::format("another process has taken shard {} over: this one stops writing for it",
                           shard.rep())};
}

// Whoever takes the shard over makes it anew, with a new birth.
Error Vanished(ShardId shard) {
  return Error{Remedy::kRetry, "record_gone",
               fmt::format("the record of shard {} is not there any more", shard.rep())};
}

}  // namespace

Result<ShardRecord> LoadOrCreateShardRecord(io::KeyValue& bucket, ShardId shard, const Clock& clock,
                                            std::uint64_t* revision) {
  const std::string key = protocol::ShardRecordKey(shard);
  PENSTOCK_ASSIGN_OR_RETURN(std::optional<io::KeyValueEntry> entry, bucket.Get(key));
  if (!entry) {
    ShardRecord fresh;
    fresh.birth = static_cast<std::uint64_t>(clock.WallMs());
    const auto created = bucket.Create(key, protocol::EncodeShardRecord(fresh));
    if (!created.ok() && created.error().code != "conflict") return created.error();
    PENSTOCK_ASSIGN_OR_RETURN(entry, bucket.Get(key));
    if (!entry) {
      return Error{Remedy::kRetry, "unavailable",
                   fmt::format("the record of shard {} vanished as it was made", shard.rep())};
    }
  }
  if (revision != nullptr) *revision = entry->revision;
  auto record = protocol::DecodeShardRecord(entry->value);
  if (!record.ok()) return std::move(record).error().Within(fmt::format("key {}", key));
  return record;
}

Result<ShardRecord> ShardRecordStore::Load() {
  return LoadOrCreateShardRecord(bucket_, shard_, clock_, &revision_);
}

// Every owner has a term of its own. So an attempt whose answer was lost is not looked for, as
// Write does: of two that start at once, each would find the other's record, which is the same.
Result<ShardRecord> ShardRecordStore::TakeOver(std::stop_token stop) {
  const std::string key = protocol::ShardRecordKey(shard_);
  Backoff backoff;
  while (true) {
    Result<ShardRecord> loaded = Load();
    if (!loaded.ok() && !IsUnknown(loaded.error())) return loaded;
    if (loaded.ok()) {
      ShardRecord record = std::move(loaded).value();
      ++record.term;
      const auto written = bucket_.Update(key, protocol::EncodeShardRecord(record), revision_);
      if (written.ok()) {
        revision_ = written.value();
        return record;
      }
      if (written.error().code != "conflict" && !IsUnknown(written.error())) {
        return written.error();
      }
    }
    if (!WaitUntil(clock_.Now() + backoff.Next(), stop)) return kStopped;
  }
}

Status ShardRecordStore::Write(const ShardRecord& record, std::stop_token stop) {
  const std::string key = protocol::ShardRecordKey(shard_);
  const std::string value = protocol::EncodeShardRecord(record);
  Backoff backoff;
  while (true) {
    const auto written = bucket_.Update(key, value, revision_);
    if (written.ok()) {
      revision_ = written.value();
      return Done{};
    }
    const bool conflict = written.error().code == "conflict";
    if (!conflict && !IsUnknown(written.error())) return written.error();
    // An earlier attempt of ours may have been applied although its answer was lost.
    const auto found = bucket_.Get(key);
    if (found.ok() && found.value() && found.value()->value == value) {
      revision_ = found.value()->revision;
      return Done{};
    }
    if (found.ok() && !found.value()) return Vanished(shard_);
    if (!found.ok() && !IsUnknown(found.error())) return found.error();
    if (found.ok() && found.value()->revision != revision_) return Overtaken(shard_);
    if (!WaitUntil(clock_.Now() + backoff.Next(), stop)) return kStopped;
  }
}

}  // namespace penstock::stage
