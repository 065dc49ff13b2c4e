#include "operators/side_progress.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/format.h"

namespace penstock::operators {

namespace {

constexpr std::int64_t kSlicesPerWindow = 16;
// However times jump: what more slices would tell apart is kept a little longer.
constexpr std::size_t kMostSlices = 64;

auto PlaceOf(const TakenIn& taken) {
  return std::tie(taken.origin, taken.writer);
}

std::vector<TakenIn>::const_iterator LowerBound(const std::vector<TakenIn>& taken,
                                                const Origin& origin, ShardId writer) {
  return std::ranges::lower_bound(taken, std::tie(origin, writer), {}, PlaceOf);
}

}  // namespace

void SideProgress::Start(JoinSideProgress state) {
  state_ = std::move(state);
  slices_.clear();
  if (state_.kept_from > state_.position.seq) return;
  Slice& kept = slices_.emplace_back();
  kept.first = state_.kept_from;
  kept.oldest_ms = kept.newest_ms = state_.newest_ms;
  kept.time_before_ms = state_.settled_time_ms;
  for (const TakenIn& taken : state_.taken) {
    if (taken.settled.heard_ms == 0) continue;
    kept.taken_before.push_back(taken);
    kept.taken_before.back().now = taken.settled;
  }
}

void SideProgress::StartAtKept(const JoinSideProgress& state) {
  slices_.clear();
  state_ = {};
  state_.position.created_ns = state.position.created_ns;
  state_.position.seq = StreamSeq(state.kept_from.rep() - 1);
  state_.kept_from = state.kept_from;
  state_.time_ms = state_.settled_time_ms = state.settled_time_ms;
  for (const TakenIn& taken : state.taken) {
    // An origin that was not known then.
    if (taken.settled.heard_ms == 0) continue;
    state_.taken.push_back(taken);
    state_.taken.back().now = taken.settled;
  }
}

const TakenIn* SideProgress::Find(const Origin& origin, ShardId writer) const {
  const auto found = LowerBound(state_.taken, origin, writer);
  const bool there =
      found != state_.taken.end() && found->origin == origin && found->writer == writer;
  return there ? &*found : nullptr;
}

TakenIn& SideProgress::FindOrAdd(const Origin& origin, ShardId writer) {
  const auto at = LowerBound(state_.taken, origin, writer) - state_.taken.cbegin();
  auto found = state_.taken.begin() + at;
  if (found == state_.taken.end() || found->origin != origin || found->writer != writer) {
    found = state_.taken.insert(
        found, TakenIn{.origin = origin, .writer = writer, .now = {}, .settled = {}});
  }
  return *found;
}

std::optional<Offset> SideProgress::Base(const Section& section, ShardId writer,
                                         Offset taken) const {
  const TakenIn* const known = Find(section.origin, writer);
  if (known != nullptr) taken = std::max(taken, known->now.last);
  const Offset base = std::max(taken, Before(section.committed));
  return section.after <= base ? std::optional(base) : std::nullopt;
}

void SideProgress::Take(const Message& message, std::span<const Section> sections,
                        const std::vector<bool>& refused) {
  Slice& slice = SliceFor(message);
  if (message.newest_ms) {
    slice.newest_ms = std::max(slice.newest_ms.value_or(*message.newest_ms), *message.newest_ms);
    if (!slice.oldest_ms) slice.oldest_ms = message.newest_ms;
    state_.newest_ms = std::max(state_.newest_ms, *message.newest_ms);
  }
  for (std::size_t at = 0; at < sections.size(); ++at) {
    if (refused[at]) continue;
    const Section& section = sections[at];
    TakenIn& taken = FindOrAdd(section.origin, message.writer);
    taken.now.last = std::max({taken.now.last, section.last, Before(section.committed)});
    taken.now.heard_ms = std::max(taken.now.heard_ms, message.created_ms);
    if (!section.clock_ms) continue;
    // A record from the future does not take the time along.
    const std::int64_t clock = std::min(*section.clock_ms, message.created_ms);
    taken.now.clock_ms = std::max(taken.now.clock_ms.value_or(clock), clock);
  }
  state_.position = message.position;
  UpdateTime(message.created_ms);
}

// The message's own, when its rows are newer than those of the last one by enough.
SideProgress::Slice& SideProgress::SliceFor(const Message& message) {
  const auto is_next = [&](const Slice& last) {
    return message.newest_ms && last.oldest_ms &&
           *message.newest_ms - *last.oldest_ms >= window_ms_ / kSlicesPerWindow;
  };
  if (slices_.empty() || (slices_.size() < kMostSlices && is_next(slices_.back()))) {
    Slice& slice = slices_.emplace_back();
    slice.first = message.position.seq;
    slice.time_before_ms = state_.time_ms;
    slice.taken_before = state_.taken;
    if (slices_.size() == 1) {
      state_.kept_from = slice.first;
      state_.settled_time_ms = slice.time_before_ms;
      Settle(slice.taken_before);
    }
  }
  return slices_.back();
}

void SideProgress::UpdateTime(std::int64_t created_ms) {
  for (const TakenIn& taken : state_.taken) created_ms = std::max(created_ms, taken.now.heard_ms);
  std::optional<std::int64_t> least;
  for (const TakenIn& taken : state_.taken) {
    if (created_ms - taken.now.heard_ms > kIdleAfterMs) continue;
    if (!taken.now.clock_ms) return;
    least = std::min(least.value_or(*taken.now.clock_ms), *taken.now.clock_ms);
  }
  if (least) state_.time_ms = std::max(state_.time_ms.value_or(*least), *least);
}

void SideProgress::Release(std::int64_t before_ms) {
  bool released = false;
  while (!slices_.empty() &&
         (!slices_.front().newest_ms || *slices_.front().newest_ms < before_ms)) {
    // The last one goes on being filled as long as it has no row.
    if (slices_.size() == 1 && slices_.front().first > state_.position.seq) break;
    slices_.pop_front();
    released = true;
  }
  if (!released) return;
  if (slices_.empty()) {
    state_.kept_from = StreamSeq(state_.position.seq.rep() + 1);
    state_.settled_time_ms = state_.time_ms;
    for (TakenIn& taken : state_.taken) taken.settled = taken.now;
    return;
  }
  state_.kept_from = slices_.front().first;
  state_.settled_time_ms = slices_.front().time_before_ms;
  Settle(slices_.front().taken_before);
}

void SideProgress::Settle(const std::vector<TakenIn>& taken) {
  for (const TakenIn& before : taken) FindOrAdd(before.origin, before.writer).settled = before.now;
}

}  // namespace penstock::operators
