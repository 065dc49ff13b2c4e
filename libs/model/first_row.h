#pragma once

#include <compare>
#include <cstdint>

#include "model/ids.h"

namespace penstock {

/// 96 bits of XXH3 over the bytes of a dedup key: two of 10^9 keys share one with a probability
/// of about 10^-11.
struct KeyHash {
  std::uint64_t high = 0;
  std::uint32_t low = 0;
  friend auto operator<=>(const KeyHash&, const KeyHash&) = default;
};

/// What names a record of a source for ever, also when it is read again.
struct RecordId {
  std::uint32_t generation = 0;  ///< Of the topic.
  std::int32_t partition = 0;
  Offset offset;
  friend auto operator<=>(const RecordId&, const RecordId&) = default;
};

/// The row that was the first of its key, in some window.
struct FirstRow {
  KeyHash key;
  RecordId id;
  std::int64_t timestamp_ms = 0;  ///< Kafka's.
  friend bool operator==(const FirstRow&, const FirstRow&) = default;
};

}  // namespace penstock
