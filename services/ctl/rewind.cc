#include "ctl/rewind.h"

#include <charconv>
#include <numeric>

#include "base/format.h"
#include "config/time_text.h"

namespace penstock::ctl {

namespace {

Error Usage(std::string detail) {
  return {Remedy::kStop, "usage", std::move(detail)};
}

}  // namespace

Result<RewindTarget> ParseRewindTarget(std::string_view text) {
  if (text == "earliest") return RewindTarget(Earliest{});
  if (text == "latest") return RewindTarget(Latest{});
  std::int64_t offset = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size() && offset >= 0) {
    return RewindTarget(Offset(offset));
  }
  if (const auto ms = config::ParseTimeMs(text)) return RewindTarget(AtTime{*ms});
  return Usage(
      fmt::format("\"{}\" is no place to begin at: earliest, latest, a time such as "
                  "2024-03-15T10:22:31Z, or an offset",
                  text));
}

Result<std::vector<Rewound>> Rewinder::Plan(const RewindTarget& target) {
  PENSTOCK_ASSIGN_OR_RETURN(const std::int32_t count, parts_.records.PartitionCount(Deadline()));
  if (options_.partition && *options_.partition >= count) {
    return Usage(fmt::format("topic '{}' has partitions 0 to {}, and no {}", options_.source.topic,
                             count - 1, *options_.partition));
  }
  if (std::holds_alternative<Offset>(target) && !options_.partition && count > 1) {
    return Usage(
        fmt::format("an offset is one of a partition, and topic '{}' has {}: say which with "
                    "--partition, or give a time",
                    options_.source.topic, count));
  }
  std::vector<std::int32_t> partitions{options_.partition.value_or(0)};
  if (!options_.partition) {
    partitions.resize(static_cast<std::size_t>(count));
    std::iota(partitions.begin(), partitions.end(), 0);
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto committed, parts_.group.Committed(partitions, Deadline()));
  std::vector<Rewound> rewound;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(const Offset to, OffsetOf(partitions[i], target));
    Rewound& one = rewound.emplace_back(Rewound{.partition = partitions[i], .from = {}, .to = to});
    if (committed[i]) one.from = committed[i]->next;
  }
  return rewound;
}

Result<Offset> Rewinder::OffsetOf(std::int32_t partition, const RewindTarget& target) {
  if (const auto* time = std::get_if<AtTime>(&target)) {
    return parts_.records.OffsetAtTime(partition, time->ms, Deadline());
  }
  PENSTOCK_ASSIGN_OR_RETURN(const io::Watermarks marks,
                            parts_.records.QueryWatermarks(partition, Deadline()));
  if (std::holds_alternative<Earliest>(target)) return marks.low;
  if (std::holds_alternative<Latest>(target)) return marks.high;
  const Offset offset = std::get<Offset>(target);
  if (offset >= marks.low && offset <= marks.high) return offset;
  return Usage(fmt::format(
      "partition {} of topic '{}' begins at offset {} and ends before {}: "
      "there is no {}",
      partition, options_.source.topic, marks.low.rep(), marks.high.rep(), offset.rep()));
}

Status Rewinder::CheckNobodyReads() {
  PENSTOCK_ASSIGN_OR_RETURN(const auto members, parts_.group.Members(Deadline()));
  if (members.empty()) return Done{};
  std::string names;
  for (const io::GroupMember& member : members) {
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", member.client_id, member.host);
  }
  return Error{Remedy::kStop, "group_in_use",
               fmt::format("group {} is being read by {}: scale the ingestors to 0 first, and back "
                           "after",
                           options_.source.consumer_group, names)};
}

Status Rewinder::Apply(const std::vector<Rewound>& rewound) {
  std::vector<io::OffsetToCommit> commits;
  for (const Rewound& one : rewound) {
    if (one.from == one.to) continue;
    commits.push_back({.partition = one.partition, .next = one.to, .metadata = {}});
  }
  if (commits.empty()) return Done{};
  return parts_.group.SetCommitted(commits, Deadline());
}

}  // namespace penstock::ctl
