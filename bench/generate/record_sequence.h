#pragma once

#include <cstdint>
#include <string>

#include "generate/events.h"

namespace penstock::events {

/// What becomes record 0, 1, 2 … of a topic: events in order, with faults on purpose in between.
struct SequenceOptions {
  Workload workload = Workload::kUsers;
  std::uint64_t seed = 1;
  /// Every so many-th record is not JSON; 0: none.
  std::uint64_t poison_every = 0;
  /// So many of a hundred records repeat one of the last thousand events, byte for byte.
  std::uint32_t repeat_percent = 0;
};

/// The same records in the same order for the same options, so that a test knows what must
/// arrive. One thread.
class RecordSequence {
 public:
  explicit RecordSequence(const SequenceOptions& options) : options_(options) {}

  /// Replaces `out` by the next record.
  void Next(std::string& out);

  std::uint64_t records() const { return records_; }
  /// Events 0 to distinct - 1 have been given.
  std::uint64_t distinct() const { return distinct_; }
  std::uint64_t poison() const { return poison_; }
  std::uint64_t repeats() const { return records_ - distinct_ - poison_; }

 private:
  SequenceOptions options_;
  std::uint64_t records_ = 0;
  std::uint64_t distinct_ = 0;
  std::uint64_t poison_ = 0;
};

}  // namespace penstock::events
