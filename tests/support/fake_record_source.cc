#include "support/fake_record_source.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace penstock::testing {
namespace {

class FakeChunk final : public io::RecordChunk {
 public:
  explicit FakeChunk(std::int32_t partition) : partition_(partition) {}

  void Add(std::int64_t offset, std::shared_ptr<const FakeRecord> record) {
    records_.push_back({.offset = Offset(offset),
                        .timestamp_ms = record->timestamp_ms,
                        .key = record->key,
                        .value = record->value,
                        .has_value = record->has_value});
    bytes_ += record->key.size() + record->value.size() + sizeof(io::Record);
    owned_.push_back(std::move(record));
  }

  std::int32_t partition() const override { return partition_; }
  std::span<const io::Record> records() const override { return records_; }
  std::size_t bytes() const override { return bytes_; }
  std::string HeadersJson(std::size_t index) const override { return owned_[index]->headers_json; }

 private:
  std::int32_t partition_;
  std::size_t bytes_ = 0;
  std::vector<io::Record> records_;
  std::vector<std::shared_ptr<const FakeRecord>> owned_;
};

Error Unavailable() {
  return {Remedy::kRetry, "unavailable", "the fake Kafka is out of reach"};
}

}  // namespace

FakeKafka::FakeKafka(std::int32_t partitions, std::string topic)
    : topic_(std::move(topic)), logs_(static_cast<std::size_t>(partitions)) {}
FakeKafka::~FakeKafka() = default;

FakeKafka::Log& FakeKafka::At(std::int32_t partition) {
  PENSTOCK_CHECK(partition >= 0 && static_cast<std::size_t>(partition) < logs_.size(),
                 "no such partition");
  return logs_[static_cast<std::size_t>(partition)];
}
const FakeKafka::Log& FakeKafka::At(std::int32_t partition) const {
  return const_cast<FakeKafka*>(this)->At(partition);
}

std::unique_ptr<FakeRecordSource> FakeKafka::Join(std::size_t records_a_poll) {
  std::unique_ptr<FakeRecordSource> member(new FakeRecordSource(*this, records_a_poll));
  const std::lock_guard lock(mutex_);
  members_.push_back(member.get());
  Rebalance();
  return member;
}

Offset FakeKafka::Append(std::int32_t partition, FakeRecord record) {
  const std::lock_guard lock(mutex_);
  Log& log = At(partition);
  log.records[log.end] = std::make_shared<const FakeRecord>(std::move(record));
  return Offset(log.end++);
}

void FakeKafka::AppendGap(std::int32_t partition, std::int64_t offsets) {
  const std::lock_guard lock(mutex_);
  At(partition).end += offsets;
}

void FakeKafka::Compact(std::int32_t partition, Offset offset) {
  const std::lock_guard lock(mutex_);
  At(partition).records.erase(offset.rep());
}

void FakeKafka::DeleteBefore(std::int32_t partition, Offset offset) {
  const std::lock_guard lock(mutex_);
  Log& log = At(partition);
  log.low = std::max(log.low, offset.rep());
  log.records.erase(log.records.begin(), log.records.lower_bound(log.low));
}

void FakeKafka::MakeAnew() {
  const std::lock_guard lock(mutex_);
  for (Log& log : logs_) {
    log.records.clear();
    log.low = 0;
    log.end = 0;
  }
}

void FakeKafka::AddPartitions(std::int32_t to_partitions) {
  const std::lock_guard lock(mutex_);
  logs_.resize(std::max(logs_.size(), static_cast<std::size_t>(to_partitions)));
  Rebalance();
}

io::Watermarks FakeKafka::Marks(std::int32_t partition) const {
  const std::lock_guard lock(mutex_);
  return {.low = Offset(At(partition).low), .high = Offset(At(partition).end)};
}

Result<std::unique_ptr<io::RecordChunk>> FakeKafka::Fetch(std::int32_t partition,
                                                          Offset offset) const {
  const std::lock_guard lock(mutex_);
  if (!reachable_) return Unavailable();
  const auto found = At(partition).records.find(offset.rep());
  if (found == At(partition).records.end()) return std::unique_ptr<io::RecordChunk>();
  auto chunk = std::make_unique<FakeChunk>(partition);
  chunk->Add(offset.rep(), found->second);
  return std::unique_ptr<io::RecordChunk>(std::move(chunk));
}

std::optional<io::CommittedOffset> FakeKafka::Committed(std::int32_t partition) const {
  const std::lock_guard lock(mutex_);
  return At(partition).committed;
}

void FakeKafka::SetCommitted(std::int32_t partition, std::optional<io::CommittedOffset> committed) {
  const std::lock_guard lock(mutex_);
  At(partition).committed = std::move(committed);
}

std::int64_t FakeKafka::Lag() const {
  const std::lock_guard lock(mutex_);
  std::int64_t lag = 0;
  for (const Log& log : logs_) {
    lag +=
        std::max<std::int64_t>(log.end - (log.committed ? log.committed->next.rep() : log.low), 0);
  }
  return lag;
}

void FakeKafka::FailNextCommit(Error error, bool applied) {
  const std::lock_guard lock(mutex_);
  commit_faults_.push_back({std::move(error), applied});
}

void FakeKafka::SetReachable(bool reachable) {
  const std::lock_guard lock(mutex_);
  if (reachable_ && !reachable) {
    for (FakeRecordSource* member : members_) member->Tell(io::SourceTrouble{Unavailable()});
  }
  reachable_ = reachable;
}

void FakeKafka::ReportTrouble(Error error) {
  const std::lock_guard lock(mutex_);
  for (FakeRecordSource* member : members_) member->Tell(io::SourceTrouble{error});
}

void FakeKafka::Move(std::int32_t partition, const FakeRecordSource& to) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find(members_.begin(), members_.end(), &to);
  PENSTOCK_CHECK(found != members_.end(), "not a member of this group");
  MoveLocked(partition, *found);
}

void FakeKafka::Lose(FakeRecordSource& member, bool comes_back) {
  const std::lock_guard lock(mutex_);
  Drop(member, /*lost=*/true);
  member.joined_ = !comes_back && !members_.empty();  // Poll joins who is not.
  Rebalance();
}

std::size_t FakeKafka::members() const {
  const std::lock_guard lock(mutex_);
  return members_.size();
}

const FakeRecordSource* FakeKafka::OwnerOf(std::int32_t partition) const {
  const std::lock_guard lock(mutex_);
  return At(partition).owner;
}

/// Shares out as evenly as whole partitions can be, moving as few as possible: everybody keeps up
/// to his share, the rest fills up whoever has less, in the order of joining.
void FakeKafka::Rebalance() {
  if (members_.empty()) return;
  std::map<FakeRecordSource*, std::size_t> share;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    share[members_[i]] = logs_.size() / members_.size() + (i < logs_.size() % members_.size());
  }
  std::vector<std::int32_t> homeless;
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    FakeRecordSource* target = logs_[i].next_owner ? logs_[i].next_owner : logs_[i].owner;
    const auto found = share.find(target);
    if (found != share.end() && found->second > 0) {
      --found->second;
    } else {
      homeless.push_back(static_cast<std::int32_t>(i));
    }
  }
  for (FakeRecordSource* member : members_) {
    for (; share[member] > 0; --share[member]) {
      MoveLocked(homeless.back(), member);
      homeless.pop_back();
    }
  }
}

void FakeKafka::MoveLocked(std::int32_t partition, FakeRecordSource* to) {
  Log& log = At(partition);
  if (log.owner == nullptr) {
    Grant(partition, to);
  } else if (log.next_owner != nullptr) {
    log.next_owner = to;  // The owner knows already that it has to go.
  } else if (log.owner != to) {
    log.next_owner = to;
    log.owner->held_.at(partition).state = FakeRecordSource::State::kRevoked;
    log.owner->Tell(io::Revoked{.partitions = {partition}, .lost = false});
  }
}

void FakeKafka::Grant(std::int32_t partition, FakeRecordSource* to) {
  Log& log = At(partition);
  log.owner = to;
  log.next_owner = nullptr;
  to->held_[partition] = {};
  to->Tell(io::Assigned{.partitions = {partition}});
}

void FakeKafka::Drop(FakeRecordSource& member, bool lost) {
  std::erase(members_, &member);
  io::Revoked gone{.partitions = {}, .lost = true};
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    Log& log = logs_[i];
    if (log.next_owner == &member) log.next_owner = nullptr;
    if (log.owner != &member) continue;
    gone.partitions.push_back(static_cast<std::int32_t>(i));
    log.owner = nullptr;
    FakeRecordSource* next = std::exchange(log.next_owner, nullptr);
    if (next != nullptr) Grant(static_cast<std::int32_t>(i), next);
  }
  member.held_.clear();
  if (lost && !gone.partitions.empty()) member.Tell(std::move(gone));
}

FakeRecordSource::FakeRecordSource(FakeKafka& kafka, std::size_t records_a_poll)
    : kafka_(kafka), records_a_poll_(records_a_poll) {}

FakeRecordSource::~FakeRecordSource() {
  Close();
}

/// Assignments and revocations that nothing lies between come as one event, as from a rebalance.
void FakeRecordSource::Tell(io::SourceEvent event) {
  const auto merge = [](auto& into, const auto& from) {
    into.partitions.insert(into.partitions.end(), from.partitions.begin(), from.partitions.end());
  };
  if (!events_.empty()) {
    auto* assigned = std::get_if<io::Assigned>(&events_.back());
    auto* revoked = std::get_if<io::Revoked>(&events_.back());
    const auto* more = std::get_if<io::Assigned>(&event);
    const auto* fewer = std::get_if<io::Revoked>(&event);
    if (assigned != nullptr && more != nullptr) return merge(*assigned, *more);
    if (revoked != nullptr && fewer != nullptr && revoked->lost == fewer->lost) {
      return merge(*revoked, *fewer);
    }
  }
  events_.push_back(std::move(event));
}

std::vector<io::SourceEvent> FakeRecordSource::Poll(Clock::Time) {
  const std::lock_guard lock(kafka_.mutex_);
  if (closed_) return {};
  if (!joined_) {
    joined_ = true;
    kafka_.members_.push_back(this);
    kafka_.Rebalance();
  }
  if (kafka_.reachable_) {
    std::size_t room = records_a_poll_;
    for (auto& [partition, held] : held_) {
      if (held.state == State::kReading && !held.paused) Read(partition, held, room);
    }
  }
  return std::exchange(events_, {});
}

void FakeRecordSource::Read(std::int32_t partition, Held& held, std::size_t& room) {
  const FakeKafka::Log& log = kafka_.At(partition);
  known_ends_[partition] = log.end;
  if (!IsWithinRange(partition, held)) return;
  auto chunk = std::make_unique<FakeChunk>(partition);
  auto record = log.records.lower_bound(held.next);
  for (; record != log.records.end() && room > 0; ++record, --room) {
    chunk->Add(record->first, record->second);
    held.next = record->first + 1;
  }
  if (!chunk->records().empty()) events_.emplace_back(std::move(chunk));
  if (record != log.records.end() || held.told_end == log.end) return;
  held.next = log.end;
  held.told_end = log.end;
  events_.emplace_back(io::ReachedEnd{.partition = partition, .next = Offset(log.end)});
}

bool FakeRecordSource::IsWithinRange(std::int32_t partition, Held& held) {
  const FakeKafka::Log& log = kafka_.At(partition);
  if (held.next < log.low) {
    Tell(io::SourceTrouble{
        {Remedy::kRetry, "records_deleted",
         fmt::format("topic '{}' partition {}: Kafka deleted the offsets {} to {} before they were "
                     "read",
                     kafka_.topic_, partition, held.next, log.low - 1)}});
    held.next = log.low;
  }
  if (held.next <= log.end) return true;
  if (!std::exchange(held.told_out_of_range, true)) {
    Tell(io::SourceTrouble{
        {Remedy::kStop, "offset_out_of_range",
         fmt::format("topic '{}' partition {}: the next offset to read is {}, but the partition "
                     "ends at {}",
                     kafka_.topic_, partition, held.next, log.end)}});
  }
  return false;
}

Status FakeRecordSource::StartReading(std::span<const io::OffsetToCommit> from) {
  const std::lock_guard lock(kafka_.mutex_);
  Status status = Done{};
  for (const io::OffsetToCommit& start : from) {
    const auto found = held_.find(start.partition);
    if (found == held_.end() || found->second.state == State::kRevoked) {
      status = Error{Remedy::kRetry, "not_assigned",
                     fmt::format("partition {} is not assigned to this member", start.partition)};
      continue;
    }
    found->second = {.state = State::kReading,
                     .paused = found->second.paused,
                     .next = start.next.rep(),
                     .told_end = std::nullopt,
                     .told_out_of_range = false};
  }
  return status;
}

Status FakeRecordSource::GiveUp(std::span<const std::int32_t> partitions) {
  const std::lock_guard lock(kafka_.mutex_);
  for (const std::int32_t partition : partitions) {
    const auto found = held_.find(partition);
    if (found == held_.end() || found->second.state != State::kRevoked) continue;
    held_.erase(found);
    FakeKafka::Log& log = kafka_.At(partition);
    log.owner = nullptr;
    if (log.next_owner != nullptr) {
      kafka_.Grant(partition, log.next_owner);
    } else {
      kafka_.Rebalance();  // Who was to have it has gone since.
    }
  }
  return Done{};
}

Status FakeRecordSource::Pause(std::span<const std::int32_t> partitions) {
  const std::lock_guard lock(kafka_.mutex_);
  for (const std::int32_t partition : partitions) {
    const auto found = held_.find(partition);
    if (found != held_.end() && found->second.state == State::kReading) found->second.paused = true;
  }
  return Done{};
}

Status FakeRecordSource::Resume(std::span<const std::int32_t> partitions) {
  const std::lock_guard lock(kafka_.mutex_);
  for (const std::int32_t partition : partitions) {
    if (const auto found = held_.find(partition); found != held_.end()) {
      found->second.paused = false;
      found->second.told_end.reset();
    }
  }
  return Done{};
}

Result<std::vector<std::optional<io::CommittedOffset>>> FakeRecordSource::Committed(
    std::span<const std::int32_t> partitions, Clock::Time) {
  const std::lock_guard lock(kafka_.mutex_);
  if (!kafka_.reachable_) return Unavailable();
  std::vector<std::optional<io::CommittedOffset>> committed;
  for (const std::int32_t partition : partitions) {
    committed.push_back(kafka_.At(partition).committed);
  }
  return committed;
}

Status FakeRecordSource::Commit(std::span<const io::OffsetToCommit> offsets, Clock::Time) {
  const std::lock_guard lock(kafka_.mutex_);
  if (!kafka_.reachable_) return Unavailable();
  std::optional<FakeKafka::CommitFault> fault;
  if (!kafka_.commit_faults_.empty()) {
    fault = std::move(kafka_.commit_faults_.front());
    kafka_.commit_faults_.pop_front();
    if (!fault->applied) return fault->error;
  }
  for (const io::OffsetToCommit& offset : offsets) {
    if (held_.contains(offset.partition)) continue;
    return Error{Remedy::kRetry, "refused_commit",
                 fmt::format("partition {} is not ours any more", offset.partition)};
  }
  for (const io::OffsetToCommit& offset : offsets) {
    PENSTOCK_CHECK(IsUtf8(offset.metadata), "Kafka keeps metadata as text only");
    kafka_.At(offset.partition).committed =
        io::CommittedOffset{.next = offset.next, .metadata = offset.metadata};
  }
  if (fault) return fault->error;
  return Done{};
}

Result<io::Watermarks> FakeRecordSource::QueryWatermarks(std::int32_t partition, Clock::Time) {
  const std::lock_guard lock(kafka_.mutex_);
  if (!kafka_.reachable_) return Unavailable();
  const FakeKafka::Log& log = kafka_.At(partition);
  return io::Watermarks{.low = Offset(log.low), .high = Offset(log.end)};
}

Result<Offset> FakeRecordSource::OffsetAtTime(std::int32_t partition, std::int64_t timestamp_ms,
                                              Clock::Time) {
  const std::lock_guard lock(kafka_.mutex_);
  if (!kafka_.reachable_) return Unavailable();
  const FakeKafka::Log& log = kafka_.At(partition);
  const auto found = std::find_if(
      log.records.begin(), log.records.end(),
      [timestamp_ms](const auto& record) { return record.second->timestamp_ms >= timestamp_ms; });
  return Offset(found == log.records.end() ? log.end : found->first);
}

Result<std::int32_t> FakeRecordSource::PartitionCount(Clock::Time) {
  const std::lock_guard lock(kafka_.mutex_);
  if (!kafka_.reachable_) return Unavailable();
  return static_cast<std::int32_t>(kafka_.logs_.size());
}

std::optional<Offset> FakeRecordSource::KnownEnd(std::int32_t partition) {
  const std::lock_guard lock(kafka_.mutex_);
  const auto found = known_ends_.find(partition);
  if (found == known_ends_.end()) return std::nullopt;
  return Offset(found->second);
}

void FakeRecordSource::Close() {
  const std::lock_guard lock(kafka_.mutex_);
  if (closed_) return;
  closed_ = true;
  kafka_.Drop(*this, /*lost=*/false);
  kafka_.Rebalance();
  events_.clear();
}

}  // namespace penstock::testing
