#include "ingestor/commit_tracker.h"

#include <algorithm>

namespace penstock::ingestor {

CommitTracker::Stay CommitTracker::Start(std::int32_t partition, Offset committed) {
  std::lock_guard lock(mutex_);
  const Stay stay{.partition = partition, .number = ++stays_};
  partitions_[partition] =
      Partition{.stay = stay.number, .next = committed, .committed = committed, .open = {}};
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

void CommitTracker::Open(Stay stay, ShardId shard, Offset first) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(stay);
  if (partition == nullptr) return;
  partition->open[shard].push_back({.first = first, .last = first, .sealed = false});
}

void CommitTracker::Seal(Stay stay, ShardId shard, Offset last) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(stay);
  if (partition == nullptr) return;
  std::deque<OpenSection>& sections = partition->open[shard];
  const auto oldest = std::ranges::find(sections, false, &OpenSection::sealed);
  if (oldest == sections.end()) return;
  oldest->last = last;
  oldest->sealed = true;
  DropDone(sections, ConfirmedIn(stay.partition, shard));
}

void CommitTracker::Advance(Stay stay, Offset next) {
  std::lock_guard lock(mutex_);
  Partition* partition = Find(stay);
  if (partition != nullptr) partition->next = std::max(partition->next, next);
}

void CommitTracker::Confirm(std::int32_t partition, ShardId shard, Offset last) {
  std::lock_guard lock(mutex_);
  Offset& confirmed = confirmed_.at(shard.rep()).try_emplace(partition, -1).first->second;
  confirmed = std::max(confirmed, last);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  const auto sections = found->second.open.find(shard);
  if (sections != found->second.open.end()) DropDone(sections->second, confirmed);
}

std::optional<Offset> CommitTracker::Committable(std::int32_t partition) {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return std::nullopt;
  Offset lowest = found->second.next;
  for (const auto& [shard, sections] : found->second.open) {
    if (!sections.empty()) lowest = std::min(lowest, sections.front().first);
  }
  return lowest;
}

std::optional<Offset> CommitTracker::ReadUpTo(std::int32_t partition) const {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return std::nullopt;
  return found->second.next;
}

void CommitTracker::Committed(std::int32_t partition, Offset next) {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found != partitions_.end()) found->second.committed = next;
}

Offset CommitTracker::LastCommitted(std::int32_t partition) const {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? Offset(0) : found->second.committed;
}

void CommitTracker::DropDone(std::deque<OpenSection>& sections, Offset confirmed) {
  while (!sections.empty() && sections.front().sealed && sections.front().last <= confirmed) {
    sections.pop_front();
  }
}

Offset CommitTracker::ConfirmedIn(std::int32_t partition, ShardId shard) const {
  const auto& confirmed = confirmed_.at(shard.rep());
  const auto found = confirmed.find(partition);
  return found == confirmed.end() ? Offset(-1) : found->second;
}

}  // namespace penstock::ingestor
