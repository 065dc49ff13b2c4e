#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/record_source.h"

namespace penstock::io {

struct GroupMember {
  std::string client_id;
  std::string host;
};

/// The offsets of a consumer group in one topic, seen from outside: whoever asks here is no member.
/// One thread; the errors of RecordSource.
class ConsumerGroup {
 public:
  virtual ~ConsumerGroup() = default;

  /// What the group has committed; nothing for a partition without a commit.
  virtual Result<std::vector<std::optional<CommittedOffset>>> Committed(
      std::span<const std::int32_t> partitions, Clock::Time deadline) = 0;
  /// Who reads in the group at the moment, whatever topic.
  virtual Result<std::vector<GroupMember>> Members(Clock::Time deadline) = 0;
  /// Commits for the group. Kafka refuses it ("refused_commit") while the group has members.
  virtual Status SetCommitted(std::span<const OffsetToCommit> offsets, Clock::Time deadline) = 0;
};

}  // namespace penstock::io
