#include "ingestor/ingestor.h"

#include <algorithm>
#include <utility>

#include "protocol/origin_record_codec.h"
#include "telemetry/log.h"

namespace penstock::ingestor {

namespace {

constexpr auto kPollWait = std::chrono::milliseconds(100);
constexpr auto kKafkaAnswer = std::chrono::seconds(5);
// A partition goes back at most so often.
constexpr auto kGoBackInterval = std::chrono::seconds(2);

// The topic is not what it was when the partitions were taken.
bool MeansAnotherTopic(const Error& error) {
  return error.code == "offset_out_of_range" || error.code == "unknown_topic" ||
         error.code == "unknown_partition";
}

std::uint64_t Distance(Offset from, Offset to) {
  return to > from ? static_cast<std::uint64_t>(to.rep() - from.rep()) : 0;
}

}  // namespace

Ingestor::Ingestor(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(parts),
      reading_(parts.health.Require("kafka")),
      heartbeat_(parts.health.Watch("poll")) {
  reading_.Fails("no partition has been assigned yet");
}

Status Ingestor::Run(std::stop_token stop) {
  for (const auto& worker : parts_.workers) worker->Start();
  Status turned = Done{};
  while (!stop.stop_requested() && turned.ok()) turned = Turn();
  const Status drained = Drain();
  return turned.ok() ? drained : turned;
}

Status Ingestor::Turn() {
  heartbeat_.Beat();
  for (io::SourceEvent& event : parts_.source.Poll(parts_.clock.Now() + kPollWait)) {
    PENSTOCK_RETURN_IF_ERROR(Handle(std::move(event)));
  }
  PENSTOCK_RETURN_IF_ERROR(WorkersAlive());
  if (rebalancing_ && parts_.clock.Now() >= next_start_) PENSTOCK_RETURN_IF_ERROR(StartAssigned());
  GoBack();
  PauseAndResume();
  CommitWhatIsDone(false);
  return Done{};
}

Worker& Ingestor::WorkerOf(std::int32_t partition) {
  return *parts_.workers[static_cast<std::size_t>(partition) % parts_.workers.size()];
}

Clock::Time Ingestor::Deadline() const {
  return parts_.clock.Now() + kKafkaAnswer;
}

Status Ingestor::Handle(io::SourceEvent event) {
  if (auto* chunk = std::get_if<std::unique_ptr<io::RecordChunk>>(&event)) {
    WorkerOf((*chunk)->partition()).Deliver(std::move(*chunk));
  } else if (const auto* end = std::get_if<io::ReachedEnd>(&event)) {
    WorkerOf(end->partition).ReachedEnd(end->partition, end->next);
  } else if (const auto* assigned = std::get_if<io::Assigned>(&event)) {
    assigned_.insert(assigned_.end(), assigned->partitions.begin(), assigned->partitions.end());
    rebalancing_ = true;
    next_start_ = parts_.clock.Now();
  } else if (const auto* revoked = std::get_if<io::Revoked>(&event)) {
    Handle(*revoked);
  } else if (const auto* trouble = std::get_if<io::SourceTrouble>(&event)) {
    return Handle(*trouble);
  }
  return Done{};
}

// Kafka's own trouble never ends the process: it is said, and the client goes on trying.
Status Ingestor::Handle(const io::SourceTrouble& trouble) {
  parts_.metrics.Trouble(trouble.error);
  for (const auto& worker : parts_.workers) worker->HoldTime();
  if (owned_.empty() || trouble.error.remedy == Remedy::kStop) reading_.Fails(trouble.error.detail);
  if (MeansAnotherTopic(trouble.error)) StartOver();
  return Done{};
}

void Ingestor::Handle(const io::Revoked& revoked) {
  if (!revoked.lost) CommitWhatIsDone(true);
  for (const std::int32_t partition : revoked.partitions) {
    std::erase(assigned_, partition);
    if (owned_.erase(partition) == 0) continue;
    WorkerOf(partition).RemovePartition(partition);
    parts_.starts.Forget(partition);
    parts_.tracker.Remove(partition);
    parts_.metrics.Revoked(partition, revoked.lost);
  }
  const Status given_up = parts_.source.GiveUp(revoked.partitions);
  if (!given_up.ok()) parts_.metrics.Trouble(given_up.error());
}

Status Ingestor::StartAssigned() {
  const auto committed = parts_.source.Committed(assigned_, Deadline());
  std::vector<CommitTracker::Beginning> beginnings;
  std::vector<io::OffsetToCommit> from;
  Status started = committed.ok() ? Status(Done{}) : Status(committed.error());
  for (std::size_t i = 0; started.ok() && i < assigned_.size(); ++i) {
    auto beginning = parts_.starts.Begin(assigned_[i], committed.value()[i]);
    if (!beginning.ok()) {
      started = beginning.error();
    } else {
      from.push_back(
          {.partition = assigned_[i], .next = beginning.value().read_from, .metadata = {}});
      beginnings.push_back(std::move(beginning).value());
    }
  }
  if (started.ok()) started = parts_.source.StartReading(from);
  if (!started.ok()) {
    if (started.error().remedy == Remedy::kStop && !MeansAnotherTopic(started.error())) {
      return started;
    }
    parts_.metrics.Trouble(started.error());
    next_start_ = parts_.clock.Now() + start_backoff_.Next();
    return Done{};
  }
  for (const CommitTracker::Beginning& beginning : beginnings) StartReading(beginning);
  assigned_.clear();
  rebalancing_ = false;
  start_backoff_.Reset();
  reading_.Holds();
  return Done{};
}

void Ingestor::StartReading(const CommitTracker::Beginning& beginning) {
  const std::int32_t partition = beginning.origin.partition;
  const auto stay = parts_.tracker.Start(beginning);
  WorkerOf(partition).AddPartition(stay, beginning);
  const auto [owned, fresh] = owned_.try_emplace(partition);
  owned->second.origin = beginning.origin;
  owned->second.committed = beginning.committed;
  if (fresh) parts_.metrics.Assigned(partition, beginning.read_from);
}

void Ingestor::StartOver() {
  for (const auto& [partition, owned] : owned_) {
    WorkerOf(partition).RemovePartition(partition);
    parts_.starts.Forget(partition);
    parts_.tracker.Remove(partition);
    parts_.metrics.Revoked(partition, false);
    assigned_.push_back(partition);
  }
  if (!owned_.empty()) next_start_ = parts_.clock.Now() + start_backoff_.Next();
  rebalancing_ = rebalancing_ || !owned_.empty();
  owned_.clear();
}

// What was lost between here and ClickHouse is above the committed offset; what was not, the sink
// tells as repeated.
void Ingestor::GoBack() {
  for (const CommitTracker::Lost& lost : parts_.tracker.TakeLost()) {
    if (const auto owned = owned_.find(lost.partition); owned != owned_.end()) {
      owned->second.lost = lost.reason;
    }
  }
  const Clock::Time now = parts_.clock.Now();
  for (auto& [partition, owned] : owned_) {
    if (!owned.lost || now < owned.go_back_at) continue;
    owned.go_back_at = now + kGoBackInterval;
    const io::OffsetToCommit from{
        .partition = partition, .next = owned.committed.next, .metadata = {}};
    if (const Status sought = parts_.source.StartReading(std::span(&from, 1)); !sought.ok()) {
      parts_.metrics.Trouble(sought.error());
      continue;
    }
    parts_.metrics.GoesBack(partition, owned.committed.next, *owned.lost);
    owned.lost.reset();
    WorkerOf(partition).RemovePartition(partition);
    StartReading(CommitTracker::Beginning{
        .origin = owned.origin, .committed = owned.committed, .read_from = owned.committed.next});
  }
}

void Ingestor::PauseAndResume() {
  std::vector<std::int32_t> pause;
  std::vector<std::int32_t> resume;
  std::size_t paused = 0;
  for (auto& [partition, owned] : owned_) {
    const std::size_t queued = WorkerOf(partition).queued_bytes();
    if (!owned.paused && queued > options_.queue_bytes) {
      owned.paused = true;
      pause.push_back(partition);
    } else if (owned.paused && queued < options_.queue_bytes / 2) {
      owned.paused = false;
      resume.push_back(partition);
    }
    paused += owned.paused ? 1 : 0;
  }
  if (pause.empty() && resume.empty()) return;
  parts_.metrics.Paused(!pause.empty(), paused);
  for (const std::int32_t partition : pause) WorkerOf(partition).SetPaused(partition, true);
  for (const std::int32_t partition : resume) WorkerOf(partition).SetPaused(partition, false);
  for (const Status& status : {parts_.source.Pause(pause), parts_.source.Resume(resume)}) {
    if (!status.ok()) parts_.metrics.Trouble(status.error());
  }
}

void Ingestor::CommitWhatIsDone(bool now) {
  if (!now && parts_.clock.Now() < next_commit_) return;
  next_commit_ = parts_.clock.Now() + options_.commit_interval;
  std::vector<io::OffsetToCommit> commits;
  std::vector<CommitTracker::Place> places;
  for (const auto& [partition, owned] : owned_) {
    const auto done = parts_.tracker.Committable(partition);
    if (!done || done->next <= owned.committed.next) continue;
    const CommitMark mark{owned.origin.generation, owned.origin.incarnation, done->before};
    commits.push_back(
        {.partition = partition, .next = done->next, .metadata = protocol::CommitMetadata(mark)});
    places.push_back(*done);
  }
  if (!commits.empty()) {
    const Status committed = parts_.source.Commit(commits, Deadline());
    if (!committed.ok()) {
      parts_.metrics.CommitRefused(committed.error());
    } else {
      parts_.metrics.Committed(commits.size());
      for (std::size_t i = 0; i < commits.size(); ++i) {
        owned_[commits[i].partition].committed = places[i];
        parts_.tracker.Committed(commits[i].partition, places[i]);
      }
    }
  }
  for (const auto& [partition, owned] : owned_) parts_.starts.Keep(partition);
  ReportLag();
}

void Ingestor::ReportLag() {
  for (const auto& [partition, owned] : owned_) {
    const auto end = parts_.source.KnownEnd(partition);
    const auto read = parts_.tracker.ReadUpTo(partition);
    if (!end || !read) continue;
    parts_.metrics.Lag(partition, Distance(owned.committed.next, *end), Distance(*read, *end));
  }
}

Status Ingestor::WorkersAlive() const {
  for (const auto& worker : parts_.workers) {
    if (auto failed = worker->failure()) return *failed;
  }
  return Done{};
}

Status Ingestor::Drain() {
  Log(LogLevel::kInfo, "Stopping: publishing what is held.");
  const Clock::Time deadline = parts_.clock.Now() + options_.drain_limit;
  for (const auto& worker : parts_.workers) worker->BeginDrain();
  for (const auto& worker : parts_.workers) worker->FinishDrain(deadline);
  CommitWhatIsDone(true);
  parts_.source.Close();
  return WorkersAlive();
}

}  // namespace penstock::ingestor
