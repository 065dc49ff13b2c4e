#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::stage {

/// A replica that is there, as it says itself, again and again.
struct MemberEntry {
  std::string incarnation;  ///< Of the process: another with every start.
  std::uint64_t beat = 0;   ///< Grows as long as the process lives.
  bool leaving = false;     ///< It takes no shards any more, and gives up those it has.

  friend bool operator==(const MemberEntry&, const MemberEntry&) = default;
};

/// Who works on a shard. Without an owner: nobody.
struct LeaseEntry {
  std::string owner;        ///< A member's name.
  std::string incarnation;  ///< Of its process.
  std::uint64_t term = 0;   ///< Higher with every owner.

  friend bool operator==(const LeaseEntry&, const LeaseEntry&) = default;
};

/// One line of words, for people to read: `1 <incarnation> <beat> here|leaving`, `1 <owner>
/// <incarnation> <term>`, with `-` for a name that there is none of.
std::string EncodeMember(const MemberEntry& member);
std::string EncodeLease(const LeaseEntry& lease);
/// Empty: it was not written by these.
std::optional<MemberEntry> DecodeMember(std::string_view text);
std::optional<LeaseEntry> DecodeLease(std::string_view text);

}  // namespace penstock::stage
