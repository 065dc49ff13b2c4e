#include "ctl/account.h"

#include "protocol/names.h"
#include "protocol/shard_record_codec.h"

namespace penstock::ctl {

Result<Account> ReadAccount(io::KeyValue& bucket, std::uint32_t shards) {
  Account account;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto entry,
                              bucket.Get(protocol::ShardRecordKey(ShardId(shard))));
    if (!entry) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const ShardRecord record, protocol::DecodeShardRecord(entry->value));
    for (const auto& [origin, progress] : record.progress) account += progress.account;
  }
  return account;
}

}  // namespace penstock::ctl
