#pragma once

#include <string>
#include <string_view>

#include "model/hop.h"
#include "model/ids.h"

namespace penstock::protocol {

using penstock::Hop;

/// As it is in the names of streams and subjects.
std::string_view ToText(Hop hop);

/// What a pipeline is called in NATS and Kubernetes: the id itself where both can carry it
/// (lower-case letters, digits and inner dashes, at most 40), else its cleaned head and eight hex
/// digits of its hash, so that two ids never share a name.
std::string PipelineToken(std::string_view pipeline_id);

/// `PENSTOCK-<pipeline>-<hop>-<shard>` and `penstock.<pipeline>.<hop>.<shard>`.
std::string StreamName(std::string_view pipeline_id, Hop hop, ShardId shard);
std::string Subject(std::string_view pipeline_id, Hop hop, ShardId shard);
/// The subject of what the owner of shard `writer` shuffles into `shard`; its stream is the
/// shard's.
std::string Subject(std::string_view pipeline_id, Hop hop, ShardId shard, ShardId writer);

/// The stream of all dead letters, the subject of a stage's and the wildcard over all.
std::string DeadLetterStream(std::string_view pipeline_id);
std::string DeadLetterSubject(std::string_view pipeline_id, std::string_view stage);

/// The key-value bucket of a pipeline, and the key of a shard's record in it.
std::string Bucket(std::string_view pipeline_id);
inline constexpr std::string_view kShardRecordPrefix = "sink.";
std::string ShardRecordKey(ShardId shard);
/// The key of the ingestor's record of a partition.
std::string OriginRecordKey(std::string_view source_id, std::int32_t partition);

/// Keys of the leases of a stage ("sink", "transform-left"): of a member, which is a replica's
/// cleaned name, and of a shard's lease.
std::string MemberPrefix(std::string_view stage);
std::string MemberKey(std::string_view stage, std::string_view member);
std::string LeasePrefix(std::string_view stage);
std::string LeaseKey(std::string_view stage, ShardId shard);

}  // namespace penstock::protocol
