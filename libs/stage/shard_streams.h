#pragma once

#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/stream.h"
#include "model/pipeline_spec.h"
#include "protocol/names.h"

namespace penstock::stage {

/// The stream of one shard on one hop, as the pipeline document bounds it: the hop's bytes
/// (config::StreamBytes) are shared out evenly over the shards.
io::StreamConfig ShardStreamConfig(const PipelineSpec& spec, protocol::Hop hop, ShardId shard);

/// The stream of the pipeline's dead letters.
io::StreamConfig DeadLetterStreamConfig(const PipelineSpec& spec);

/// Makes the hops' streams of `shards` and the dead letters' one, as far as they are not there.
/// Asks once; a fault is returned, named: kRetry while the server is unavailable.
Status EnsureStreams(io::Streams& streams, const PipelineSpec& spec,
                     const std::vector<protocol::Hop>& hops, const std::vector<ShardId>& shards);

/// The same; waits out an unavailable server until `stop`.
Status EnsureStreams(io::Streams& streams, const PipelineSpec& spec,
                     const std::vector<protocol::Hop>& hops, const std::vector<ShardId>& shards,
                     const Clock& clock, std::stop_token stop);

}  // namespace penstock::stage
