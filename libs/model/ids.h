#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/format.h"
#include "base/tagged.h"

namespace penstock {

/// A record's place in its Kafka partition. -1 means "before the first".
using Offset = Tagged<struct OffsetTag, std::int64_t>;
/// A message's place in its JetStream stream; the first is 1, 0 means "none".
using StreamSeq = Tagged<struct StreamSeqTag, std::uint64_t>;
/// An end-to-end slice of a pipeline, 0 to shards - 1.
using ShardId = Tagged<struct ShardIdTag, std::uint32_t>;

constexpr Offset Next(Offset offset) {
  return Offset(offset.rep() + 1);
}
constexpr Offset Before(Offset offset) {
  return Offset(offset.rep() - 1);
}

/// Where rows come from: a partition of a topic as one source reads it. A topic that was
/// deleted and made again is the next generation, a position that an operator reset the next
/// incarnation: offsets of different ones never compare.
struct Origin {
  std::string source_id;
  std::string topic;
  std::int32_t partition = 0;
  std::uint32_t generation = 0;
  std::uint32_t incarnation = 0;

  friend auto operator<=>(const Origin&, const Origin&) = default;
};

inline std::string ToText(const Origin& origin) {
  return fmt::format("{}/{}/{}", origin.source_id, origin.topic, origin.partition);
}

}  // namespace penstock
