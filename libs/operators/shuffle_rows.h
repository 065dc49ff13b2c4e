#pragma once

#include <span>
#include <string_view>

#include "model/batch.h"
#include "protocol/key_bytes.h"

namespace penstock::operators {

/// Divides a batch over the shards by the values of its column `key`, as records are routed by a
/// key (stage/record_reader.h): `targets` has a batch for each shard and keeps its memory from call
/// to call.
///
/// Every target has all sections with their ends, so that each chain of sections is without gaps,
/// and in them the records whose rows it gets. What is no row is with the target `writer` alone.
/// The column is there and every row has a value in it.
void ShuffleRows(const Batch& batch, std::string_view key, protocol::KeyForm form, ShardId writer,
                 std::span<Batch> targets);

}  // namespace penstock::operators
