#include "stage/lease_entries.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/format.h"

namespace penstock::stage {

namespace {

constexpr std::string_view kVersion = "1";
constexpr std::string_view kNobody = "-";

using Words = std::array<std::string_view, 4>;

// Exactly four, one blank between them, the first the version.
std::optional<Words> Split(std::string_view text) {
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words[i] = text.substr(0, end);
    const bool last = i + 1 == words.size();
    if (words[i].empty() || last != (end == text.size())) return std::nullopt;
    if (!last) text.remove_prefix(end + 1);
  }
  if (words[0] != kVersion) return std::nullopt;
  return words;
}

std::optional<std::uint64_t> Number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view Written(const std::string& name) {
  return name.empty() ? kNobody : std::string_view(name);
}

std::string Read(std::string_view word) {
  return word == kNobody ? std::string() : std::string(word);
}

}  // namespace

std::string EncodeMember(const MemberEntry& member) {
  return fmt::format("{} {} {} {}", kVersion, member.incarnation, member.beat,
                     member.leaving ? "leaving" : "here");
}

std::string EncodeLease(const LeaseEntry& lease) {
  return fmt::format("{} {} {} {}", kVersion, Written(lease.owner), Written(lease.incarnation),
                     lease.term);
}

std::optional<MemberEntry> DecodeMember(std::string_view text) {
  const auto words = Split(text);
  if (!words) return std::nullopt;
  const auto& [version, incarnation, beat, state] = *words;
  const auto number = Number(beat);
  if (!number || (state != "leaving" && state != "here")) return std::nullopt;
  return MemberEntry{std::string(incarnation), *number, state == "leaving"};
}

std::optional<LeaseEntry> DecodeLease(std::string_view text) {
  const auto words = Split(text);
  if (!words) return std::nullopt;
  const auto& [version, owner, incarnation, term] = *words;
  const auto number = Number(term);
  if (!number) return std::nullopt;
  return LeaseEntry{Read(owner), Read(incarnation), *number};
}

}  // namespace penstock::stage
