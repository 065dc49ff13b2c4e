#pragma once

#include <utility>

#include "base/result.h"

namespace penstock::stage {

/// What ends a shard, as its owner is told: a stream (or the bucket) that was deleted, replaced or
/// shortened under it, "not_found", is no reason to stop for good. Then the error is kRetry,
/// "stream_replaced": the shard begins anew, with its streams made again and its positions checked.
inline Error EndOfShard(Error error) {
  if (error.code != "not_found") return error;
  return {Remedy::kRetry, "stream_replaced", std::move(error.detail)};
}

}  // namespace penstock::stage
