#pragma once

#include <string_view>

#include "base/result.h"
#include "io/key_value.h"
#include "model/shard_record.h"

namespace penstock::ctl {

/// What became of all records of a pipeline so far: the accounts of all its shards, as the sinks'
/// records have them; of a pipeline with a join, of all joined rows. Exact once the sinks have
/// stopped. A shard without a record counts nothing.
Result<Account> ReadAccount(io::KeyValue& bucket, std::uint32_t shards);

}  // namespace penstock::ctl
