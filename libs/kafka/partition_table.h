#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/ids.h"

namespace penstock::kafka {

/// What a member of the group knows about each partition: whether it has it, what it reads, which
/// record comes next. Plain bookkeeping; librdkafka is told by the caller. One thread.
///
///   kNotOurs → kAssigned (rebalance) → kReading (StartReading) → kRevoked (rebalance) → kNotOurs
class PartitionTable {
 public:
  enum class State : std::uint8_t { kNotOurs, kAssigned, kReading, kRevoked };

  struct Entry {
    State state = State::kNotOurs;
    /// In librdkafka's assignment: it fetches (or would, if not paused), and wants an unassign.
    bool held = false;
    bool paused = false;
    Offset next;  ///< While kReading: what is below has been delivered or does not exist.
  };

  /// Of a partition never heard of: kNotOurs.
  const Entry& operator[](std::int32_t partition) const {
    static constexpr Entry kNone;
    const auto index = static_cast<std::size_t>(partition);
    return partition >= 0 && index < entries_.size() ? entries_[index] : kNone;
  }
  Entry& At(std::int32_t partition) {
    const auto index = static_cast<std::size_t>(partition);
    if (index >= entries_.size()) entries_.resize(index + 1);
    return entries_[index];
  }

  /// True: the record at `offset` is the next to deliver. False: the partition is not being read,
  /// or it is a repeat. Offsets may be left out (compaction, control records), never repeated.
  bool Advance(std::int32_t partition, Offset offset) {
    const auto index = static_cast<std::size_t>(partition);
    if (index >= entries_.size()) return false;
    Entry& entry = entries_[index];
    if (entry.state != State::kReading || entry.paused || offset < entry.next) return false;
    entry.next = Next(offset);
    return true;
  }

  template <typename Predicate>
  std::vector<std::int32_t> Where(Predicate predicate) const {
    std::vector<std::int32_t> found;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (predicate(entries_[i])) found.push_back(static_cast<std::int32_t>(i));
    }
    return found;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace penstock::kafka
