#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "io/consumer_group.h"

namespace penstock::ctl {

/// A consumer group in memory.
class FakeGroup final : public io::ConsumerGroup {
 public:
  Result<std::vector<std::optional<io::CommittedOffset>>> Committed(
      std::span<const std::int32_t> partitions, Clock::Time) override {
    std::vector<std::optional<io::CommittedOffset>> answer;
    for (const std::int32_t partition : partitions) {
      const auto found = committed.find(partition);
      answer.push_back(found == committed.end() ? std::nullopt : std::optional(found->second));
    }
    return answer;
  }
  Result<std::vector<io::GroupMember>> Members(Clock::Time) override { return members; }
  Status SetCommitted(std::span<const io::OffsetToCommit> offsets, Clock::Time) override {
    if (!members.empty()) return Error{Remedy::kRetry, "refused_commit", "there are members"};
    for (const io::OffsetToCommit& offset : offsets) {
      committed[offset.partition] = {.next = offset.next, .metadata = offset.metadata};
    }
    return Done{};
  }

  std::map<std::int32_t, io::CommittedOffset> committed;
  std::vector<io::GroupMember> members;
};

}  // namespace penstock::ctl
