#include "ingestor/commit_tracker.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/planted_bug.h"

namespace penstock::ingestor {

std::string_view ToText(LossReason reason) {
  constexpr std::array<std::string_view, kLossReasons> kNames{"stream", "record", "passed"};
  return kNames.at(static_cast<std::size_t>(reason));
}

CommitTracker::Stay CommitTracker::Start(const Beginning& beginning) {
  std::lock_guard lock(mutex_);
  const Stay stay{.partition = beginning.origin.partition, .number = ++stays_};
  Partition& partition = partitions_[stay.partition];
  partition = {};
  partition.stay = stay.number;
  partition.origin = beginning.origin;
  partition.committed = beginning.committed;
  partition.next = {.next = beginning.read_from};
  if (beginning.read_from == beginning.committed.next) partition.next = beginning.committed;
  for (const PublishedInShard& published : beginning.published) {
    partition.published[published.shard] = published;
    const Offset confirmed = ConfirmedIn(beginning.origin, published.shard);
    if (published.last <= confirmed || published.last < beginning.committed.next) continue;
    partition.open[published.shard].push_back(
        {.first = {.next = std::max(Next(confirmed), beginning.committed.next)},
         .last = published.last,
         .position = published.position,
         .sealed = true,
         .inherited = true});
    // Before this stay began, who reads the stream may have passed them, or it was replaced.
    if (IsPassed(partition.open[published.shard].front(), passed_.at(published.shard.rep()))) {
      partition.lost = LossReason::kPassed;
    }
    if (beginning.losses != losses_) partition.lost = LossReason::kStream;
  }
  return stay;
}

void CommitTracker::Remove(std::int32_t partition) {
  std::lock_guard lock(mutex_);
  partitions_.erase(partition);
}

CommitTracker::Partition* CommitTracker::Find(Stay stay) {
  const auto found = partitions_.find(stay.partition);
  return found == partitions_.end() || found->second.stay != stay.number ? nullptr : &found->second;
}

void CommitTracker::Open(Stay stay, ShardId shard, Offset first, std::optional<RecordMark> before) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(stay);
  if (partition == nullptr) return;
  partition->open[shard].push_back({.first = {first, before}, .last = first, .position = {}});
}

void CommitTracker::Seal(Stay stay, ShardId shard, Offset last, const Position& position) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(stay);
  if (partition == nullptr) return;
  std::deque<OpenSection>& sections = partition->open[shard];
  const auto oldest = std::ranges::find(sections, false, &OpenSection::sealed);
  if (oldest == sections.end()) return;
  oldest->last = last;
  oldest->position = position;
  oldest->sealed = true;
  partition->published[shard] = {.shard = shard, .last = last, .position = position};
  DropDone(sections, ConfirmedIn(partition->origin, shard));
  // The acknowledgement may come after who reads the stream has passed it.
  if (!sections.empty() && IsPassed(sections.front(), passed_.at(shard.rep()))) {
    partition->lost = LossReason::kPassed;
  }
}

void CommitTracker::Advance(Stay stay, const Place& place) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(stay);
  if (partition != nullptr && place.next > partition->next.next) partition->next = place;
}

void CommitTracker::Confirm(const Origin& origin, ShardId shard, Offset last) {
  std::lock_guard lock(mutex_);
  Offset& confirmed = confirmed_.at(shard.rep()).try_emplace(origin, -1).first->second;
  confirmed = std::max(confirmed, last);
  const auto found = partitions_.find(origin.partition);
  if (found == partitions_.end() || found->second.origin != origin) return;
  const auto sections = found->second.open.find(shard);
  if (sections != found->second.open.end()) DropDone(sections->second, confirmed);
}

void CommitTracker::Passed(ShardId shard, const Position& input) {
  std::lock_guard lock(mutex_);
  passed_.at(shard.rep()) = input;
  for (auto& [number, partition] : partitions_) {
    const auto sections = partition.open.find(shard);
    if (sections == partition.open.end() || sections->second.empty()) continue;
    if (IsPassed(sections->second.front(), input)) partition.lost = LossReason::kPassed;
  }
}

// What is confirmed is not among the open ones any more. A message of which it is not known in
// which stream it is counts as one of this.
bool CommitTracker::IsPassed(const OpenSection& section, const Position& input) {
  const std::int64_t created_ns = section.position.created_ns;
  return section.sealed && section.position.seq <= input.seq &&
         (created_ns == input.created_ns || created_ns == 0);
}

void CommitTracker::Lose(ShardId shard, LossReason reason) {
  std::lock_guard lock(mutex_);
  ++losses_;
  if (reason == LossReason::kRecord) confirmed_.at(shard.rep()).clear();
  for (auto& [number, partition] : partitions_) {
    const auto sections = partition.open.find(shard);
    const bool waits = sections != partition.open.end() && !sections->second.empty();
    if (waits || reason == LossReason::kRecord) partition.lost = reason;
  }
}

std::uint64_t CommitTracker::losses() const {
  std::lock_guard lock(mutex_);
  return losses_;
}

std::vector<CommitTracker::Lost> CommitTracker::TakeLost() {
  std::lock_guard lock(mutex_);
  std::vector<Lost> lost;
  for (auto& [number, partition] : partitions_) {
    if (!partition.lost || std::exchange(partition.lost_told, true)) continue;
    lost.push_back({.partition = number, .reason = *partition.lost});
  }
  return lost;
}

std::optional<CommitTracker::Place> CommitTracker::Committable(std::int32_t partition) {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return std::nullopt;
  const Place* lowest = &found->second.next;
  if (IsPlanted(PlantedBug::kCommitBeforeAck)) return *lowest;
  for (const auto& [shard, sections] : found->second.open) {
    if (!sections.empty() && sections.front().first.next < lowest->next) {
      lowest = &sections.front().first;
    }
  }
  return *lowest;
}

std::optional<Offset> CommitTracker::ReadUpTo(std::int32_t partition) const {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return std::nullopt;
  return found->second.next.next;
}

void CommitTracker::Committed(std::int32_t partition, const Place& place) {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found != partitions_.end()) found->second.committed = place;
}

Offset CommitTracker::LastCommitted(std::int32_t partition) const {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? Offset(0) : found->second.committed.next;
}

Offset CommitTracker::Confirmed(const Origin& origin, ShardId shard) const {
  std::lock_guard lock(mutex_);
  return ConfirmedIn(origin, shard);
}

std::optional<OriginRecord> CommitTracker::Record(std::int32_t partition) const {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return std::nullopt;
  const Partition& of = found->second;
  OriginRecord record;
  record.committed = of.committed.next;
  record.mark = {of.origin.generation, of.origin.incarnation, of.committed.before};
  record.published = Published(of);
  for (const auto& [shard, published] : of.published) record.shards.push_back(published);
  return record;
}

Offset CommitTracker::Published(const Partition& partition) {
  Offset lowest = partition.next.next;
  for (const auto& [shard, sections] : partition.open) {
    const auto open = std::ranges::find(sections, false, &OpenSection::sealed);
    if (open != sections.end()) lowest = std::min(lowest, open->first.next);
  }
  return lowest;
}

void CommitTracker::DropDone(std::deque<OpenSection>& sections, Offset confirmed) {
  while (!sections.empty() && sections.front().sealed && sections.front().last <= confirmed) {
    sections.pop_front();
  }
  if (sections.empty() || !sections.front().inherited) return;
  Place& first = sections.front().first;
  if (confirmed >= first.next) first = {.next = Next(confirmed)};
}

Offset CommitTracker::ConfirmedIn(const Origin& origin, ShardId shard) const {
  const auto& confirmed = confirmed_.at(shard.rep());
  const auto found = confirmed.find(origin);
  return found == confirmed.end() ? Offset(-1) : found->second;
}

}  // namespace penstock::ingestor
