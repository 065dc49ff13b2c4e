#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/shard_record.h"

namespace penstock::protocol {

/// The value of a shard's key-value entry: magic "PSTR", version 2, the fields, XXH3-64.
std::string EncodeShardRecord(const ShardRecord& record);

/// Reads versions 1 and 2. Codes "corrupt" and "version", as for batches: a record that cannot be
/// read stops its reader.
Result<ShardRecord> DecodeShardRecord(std::string_view bytes);

/// Makes the token of an intent: `<pipeline>/<shard>/<128-bit hash of the ranges>`. The same
/// ranges give the same token for ever, which is what makes a repeated insert harmless.
std::string InsertToken(std::string_view pipeline_id, ShardId shard,
                        const std::vector<IntentRange>& ranges);

}  // namespace penstock::protocol
