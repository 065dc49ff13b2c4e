#pragma once

#include <cstdint>

namespace penstock {

/// Mistakes that the simulation (tests/sim) must find: one of its tests builds the places where
/// they could be made with PENSTOCK_PLANTED_BUGS, and makes one after the other. Nowhere else is
/// there anything of them.
enum class PlantedBug : std::uint8_t {
  kNone,
  kCommitBeforeAck,     ///< Kafka's offset is committed as soon as the records are read.
  kInsertBeforeIntent,  ///< A block is inserted before its intent is in the record.
  kProgressForgotten,   ///< Who takes a shard over does not know what is confirmed.
  kLastMessageTrimmed,  ///< The message at the position goes, too.
};

#ifdef PENSTOCK_PLANTED_BUGS
extern PlantedBug planted_bug;
inline bool IsPlanted(PlantedBug bug) {
  return planted_bug == bug;
}
#else
constexpr bool IsPlanted(PlantedBug) {
  return false;
}
#endif

}  // namespace penstock
