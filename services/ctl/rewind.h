#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/topics.h"
#include "model/pipeline_spec.h"

namespace penstock::ctl {

/// Where a group's offsets are to be: the beginning of what Kafka has, its end, the first record of
/// a time or after it, or an offset.
struct Earliest {};
struct Latest {};
struct AtTime {
  std::int64_t ms = 0;  ///< Since 1970.
};
using RewindTarget = std::variant<Earliest, Latest, AtTime, Offset>;

/// "earliest", "latest", a time as in RFC 3339, or an offset as digits. Error code "usage".
Result<RewindTarget> ParseRewindTarget(std::string_view text);

/// A partition's offset before and after.
struct Rewound {
  std::int32_t partition = 0;
  std::optional<Offset> from;  ///< Nothing was committed yet.
  Offset to;
};

/// Sets the offsets of a pipeline's group by hand. An ingestor that takes a partition of which the
/// commit is another one than its own reads it as a new incarnation, from there: rows that it had
/// made before are made, and inserted, again.
class Rewinder {
 public:
  struct Options {
    const SourceSpec& source;
    std::optional<std::int32_t> partition{};  ///< Empty: all.
    Clock::Duration patience{};               ///< For one answer.
  };

  Rewinder(Options options, SourceParts parts, const Clock& clock)
      : options_(options), parts_(parts), clock_(clock) {}

  /// What would change. Code "usage": the partition or the offset does not exist.
  Result<std::vector<Rewound>> Plan(const RewindTarget& target);
  /// Code "group_in_use": the group has members, which are named.
  Status CheckNobodyReads();
  /// Commits; Kafka refuses it when a member has come meanwhile.
  Status Apply(const std::vector<Rewound>& rewound);

 private:
  Result<Offset> OffsetOf(std::int32_t partition, const RewindTarget& target);
  Clock::Time Deadline() const { return clock_.Now() + options_.patience; }

  const Options options_;
  const SourceParts parts_;
  const Clock& clock_;
};

}  // namespace penstock::ctl
