#include <algorithm>
#include <chrono>

#include "config/planner.h"

namespace penstock::config {

namespace {

constexpr double kRowsPerSecond = 1000;
// What a window has passed is dropped in slices of an eighth of it.
constexpr double kKept = 1.125;
constexpr double kMost = 1ULL << 50;

std::uint64_t BytesOf(const PipelineSpec& spec, std::chrono::nanoseconds window,
                      std::uint64_t entry_bytes) {
  const double seconds = std::chrono::duration<double>(window).count();
  const double kept = seconds * kKept * kRowsPerSecond * static_cast<double>(entry_bytes);
  return std::max(spec.resources.nats.max_bytes, static_cast<std::uint64_t>(std::min(kept, kMost)));
}

std::chrono::nanoseconds DedupWindow(const PipelineSpec& spec, const std::string& source_id) {
  const auto dedup = std::ranges::find(spec.dedups, source_id, &DedupSpec::source_id);
  return dedup == spec.dedups.end() ? std::chrono::nanoseconds(0) : dedup->time_window;
}

}  // namespace

std::uint64_t KeyLogBytes(const PipelineSpec& spec) {
  std::chrono::nanoseconds longest{0};
  for (const DedupSpec& dedup : spec.dedups) longest = std::max(longest, dedup.time_window);
  return BytesOf(spec, longest, kKeyLogEntryBytes);
}

std::uint64_t StreamBytes(const PipelineSpec& spec, Hop hop) {
  static const JoinSpec kNoJoin;
  const JoinSpec& join = spec.join ? *spec.join : kNoJoin;
  switch (hop) {
    case Hop::kIn:
    case Hop::kOut:
    case Hop::kLeftIn:
    case Hop::kRightIn:
      break;
    case Hop::kKeys:
      return KeyLogBytes(spec);
    case Hop::kLeft:
      return BytesOf(spec, join.left.time_window, kKeptRowBytes);
    case Hop::kRight:
      return BytesOf(spec, join.left.time_window + join.right.time_window, kKeptRowBytes);
    case Hop::kLeftKeys:
      return BytesOf(spec, DedupWindow(spec, join.left.source_id), kKeyLogEntryBytes);
    case Hop::kRightKeys:
      return BytesOf(spec, DedupWindow(spec, join.right.source_id), kKeyLogEntryBytes);
  }
  return spec.resources.nats.max_bytes;
}

}  // namespace penstock::config
