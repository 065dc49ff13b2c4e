#include "ingestor/worker.h"

#include <algorithm>

#include "base/thread.h"
#include "ingestor/record_mark.h"
#include "protocol/names.h"
#include "telemetry/log.h"

namespace penstock::ingestor {

namespace {

constexpr auto kIdleWait = std::chrono::seconds(5);
constexpr auto kClockInterval = std::chrono::seconds(1);
// A section of the last half second has told the time, too.
constexpr auto kClockAge = std::chrono::milliseconds(500);
// Where a clock had no place; the answer that makes one is awaited anyway.
constexpr auto kClockRetry = std::chrono::milliseconds(100);
// Trouble that lasts is told every ten seconds; fetching goes on within a few more.
constexpr auto kTimeHeld = std::chrono::seconds(15);

DeadLetterReason ReasonOf(std::string_view code) {
  for (std::size_t i = 0; i < kDeadLetterReasons; ++i) {
    const auto reason = static_cast<DeadLetterReason>(i);
    if (ToText(reason) == code) return reason;
  }
  return DeadLetterReason::kParseError;
}

}  // namespace

Worker::Worker(Options options, RecordReader reader, ShardOutput::Parts parts)
    : options_(std::move(options)), parts_(parts), reader_(std::move(reader)) {
  outputs_.reserve(options_.shards);
  for (std::uint32_t shard = 0; shard < options_.shards; ++shard) {
    ShardOutput::Options output = options_.output;
    output.shard = ShardId(shard);
    output.subject = protocol::Subject(output.pipeline_id, options_.hop, output.shard);
    outputs_.emplace_back(
        std::move(output), parts_,
        [this](ShardId from, auto answer) {
          std::lock_guard lock(mutex_);
          answers_.push_back({.shard = from, .answer = std::move(answer)});
          changed_.notify_all();
        },
        [this](CommitTracker::Stay stay) -> const PartitionStay* {
          const Partition* const partition = Find(stay.partition);
          return partition != nullptr && partition->stay.stay == stay ? &partition->stay : nullptr;
        });
  }
}

Worker::~Worker() {
  thread_.request_stop();
}

void Worker::Start() {
  thread_ = StartThread(options_.name, [this](std::stop_token stop) { Run(std::move(stop)); });
}

void Worker::Post(Event event) {
  std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  changed_.notify_all();
}

void Worker::AddPartition(CommitTracker::Stay stay, CommitTracker::Beginning beginning) {
  Post(Added{stay, std::move(beginning)});
}

void Worker::RemovePartition(std::int32_t partition) {
  Post(Removed{partition});
}

void Worker::Deliver(std::unique_ptr<io::RecordChunk> chunk) {
  queued_bytes_.fetch_add(chunk->bytes(), std::memory_order_relaxed);
  parts_.metrics.Read(chunk->records().size(), chunk->bytes());
  Post(std::move(chunk));
}

void Worker::ReachedEnd(std::int32_t partition, Offset next) {
  Post(io::ReachedEnd{.partition = partition, .next = next});
}

void Worker::SetPaused(std::int32_t partition, bool paused) {
  Post(Paused{.partition = partition, .paused = paused});
}

void Worker::HoldTime() {
  Post(TimeHeld{});
}

void Worker::BeginDrain() {
  std::lock_guard lock(mutex_);
  draining_ = true;
  changed_.notify_all();
}

void Worker::FinishDrain(Clock::Time deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return drained_ || failure_; });
}

std::optional<Error> Worker::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

void Worker::Run(std::stop_token stop) {
  const Status worked = Work(std::move(stop));
  if (!worked.ok()) {
    Log(LogLevel::kError, "This worker cannot go on.", {{"error", worked.error().detail}});
    std::lock_guard lock(mutex_);
    failure_ = worked.error();
    changed_.notify_all();
  }
  AwaitAnswers();
}

Status Worker::Work(std::stop_token stop) {
  while (!stop.stop_requested()) {
    WaitForWork(stop);
    PENSTOCK_RETURN_IF_ERROR(TakeAnswers());
    TakeEvents();
    flushing_ = Draining();
    // Before the rows: a join that hears of a new partition waits for its time.
    TellClocks();
    progressed_ = !flushing_ && ProcessAll();
    SendWhatIsDue();
  }
  return Done{};
}

// The publisher has what was sent, and calls back, until it has answered: at the latest after its
// time-out.
void Worker::AwaitAnswers() {
  const auto sent = std::ranges::count_if(outputs_, &ShardOutput::waiting);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return std::ssize(answers_) >= sent; });
}

void Worker::WaitForWork(std::stop_token stop) {
  const Clock::Time before = parts_.clock.Now();
  std::unique_lock lock(mutex_);
  const auto ready = [&] {
    return progressed_ || !events_.empty() || !answers_.empty() || draining_ != flushing_;
  };
  changed_.wait_until(lock, std::move(stop), NextDeadline(), ready);
  if (has_waiting_ && !progressed_) parts_.metrics.Backpressure(parts_.clock.Now() - before);
}

Clock::Time Worker::NextDeadline() const {
  Clock::Time deadline = parts_.clock.Now() + kIdleWait;
  if (options_.output.clocks && !partitions_.empty() && !flushing_) {
    deadline = std::min(deadline, next_clocks_);
  }
  for (const ShardOutput& output : outputs_) deadline = std::min(deadline, output.Deadline());
  return deadline;
}

Status Worker::TakeAnswers() {
  std::vector<ShardAnswer> answers;
  {
    std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (ShardAnswer& answered : answers) {
    PENSTOCK_RETURN_IF_ERROR(outputs_[answered.shard.rep()].Answer(std::move(answered.answer)));
  }
  return Done{};
}

void Worker::TakeEvents() {
  std::deque<Event> events;
  {
    std::lock_guard lock(mutex_);
    events.swap(events_);
  }
  for (Event& event : events) Handle(std::move(event));
}

void Worker::Handle(Event event) {
  if (const auto* added = std::get_if<Added>(&event)) {
    Handle(*added);
  } else if (const auto* removed = std::get_if<Removed>(&event)) {
    if (Partition* const partition = Find(removed->partition)) {
      DropChunks(*partition);
      partitions_.erase(removed->partition);
    }
  } else if (auto* chunk = std::get_if<std::unique_ptr<io::RecordChunk>>(&event)) {
    Handle(std::move(*chunk));
  } else if (const auto* end = std::get_if<io::ReachedEnd>(&event)) {
    if (Partition* const partition = Find(end->partition)) partition->end = end->next;
  } else if (const auto* paused = std::get_if<Paused>(&event)) {
    Partition* const partition = Find(paused->partition);
    if (partition == nullptr) return;
    partition->paused = paused->paused;
    partition->stay.clock.LeaveEnd(parts_.clock);
  } else {
    const Clock::Time until = parts_.clock.Now() + kTimeHeld;
    for (auto& [number, partition] : partitions_) partition.stay.clock.Hold(parts_.clock, until);
  }
}

void Worker::Handle(const Added& added) {
  Partition& partition = partitions_[added.stay.partition];
  DropChunks(partition);
  const CommitTracker::Beginning& beginning = added.beginning;
  partition.stay = {.stay = added.stay,
                    .start = beginning.committed.next,
                    .origin = beginning.origin,
                    .shards = {}};
  if (beginning.read_from == beginning.committed.next) {
    partition.stay.before = beginning.committed.before;
  }
  // A section goes on where the shard's last one has ended, by whomever it was sent.
  partition.stay.shards.assign(options_.shards, {.after = Before(beginning.committed.next)});
  for (const PublishedInShard& published : beginning.published) {
    if (published.shard.rep() >= options_.shards) continue;
    Offset& after = partition.stay.shards[published.shard.rep()].after;
    after = std::clamp(published.last, after, Before(beginning.read_from));
  }
  partition.next = beginning.read_from;
  partition.end.reset();
  partition.paused = false;
  next_clocks_ = Clock::Time::min();
}

void Worker::Handle(std::unique_ptr<io::RecordChunk> chunk) {
  Partition* const partition = Find(chunk->partition());
  if (partition == nullptr) {
    queued_bytes_.fetch_sub(chunk->bytes(), std::memory_order_relaxed);
    parts_.metrics.Returned(chunk->records().size());
    return;
  }
  partition->stay.clock.LeaveEnd(parts_.clock);
  partition->end.reset();
  partition->chunks.push_back(std::move(chunk));
}

Worker::Partition* Worker::Find(std::int32_t partition) {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? nullptr : &found->second;
}

void Worker::DropChunks(Partition& partition) {
  std::size_t records = 0;
  for (const auto& chunk : partition.chunks) {
    queued_bytes_.fetch_sub(chunk->bytes(), std::memory_order_relaxed);
    records += chunk->records().size();
  }
  parts_.metrics.Returned(records - partition.next_record);
  partition.chunks.clear();
  partition.next_record = 0;
}

bool Worker::ProcessAll() {
  bool progressed = false;
  has_waiting_ = false;
  for (auto& [number, partition] : partitions_) {
    if (!partition.chunks.empty()) progressed |= ProcessChunk(partition);
    has_waiting_ |= !partition.chunks.empty();
    if (partition.chunks.empty() && partition.end) PassEnd(partition);
  }
  return progressed;
}

void Worker::PassEnd(Partition& partition) {
  // Behind a pause there may be more, and the end is told again.
  if (!partition.paused) partition.stay.clock.ReachedEnd(parts_.clock);
  parts_.tracker.Advance(partition.stay.stay, {*partition.end, MarkBefore(partition.stay)});
  partition.end.reset();
}

bool Worker::ProcessChunk(Partition& partition) {
  const io::RecordChunk& chunk = *partition.chunks.front();
  const std::size_t before = partition.next_record;
  while (partition.next_record < chunk.records().size() &&
         TakeRecord(partition, chunk, partition.next_record)) {
    const io::Record& taken = chunk.records()[partition.next_record];
    partition.next = Next(taken.offset);
    partition.stay.previous = &taken;
    ++partition.next_record;
  }
  const bool progressed = partition.next_record > before;
  // Sections are open for all of these, so the committable offset cannot run ahead.
  if (progressed) {
    parts_.tracker.Advance(partition.stay.stay, {partition.next, MarkBefore(partition.stay)});
  }
  if (partition.next_record == chunk.records().size()) FinishChunk(partition);
  return progressed;
}

void Worker::FinishChunk(Partition& partition) {
  queued_bytes_.fetch_sub(partition.chunks.front()->bytes(), std::memory_order_relaxed);
  partition.stay.before = MarkBefore(partition.stay);
  partition.stay.previous = nullptr;
  partition.chunks.pop_front();
  partition.next_record = 0;
}

// A batch without room for the row goes out, if the one before it has been acknowledged.
bool Worker::HasRoom(ShardOutput& output, std::size_t bytes) {
  if (output.CanTake(bytes)) return true;
  output.SendIfDue(true);
  return output.CanTake(bytes);
}

// False: the record's shard has no room now; the record stays.
bool Worker::TakeRecord(Partition& partition, const io::RecordChunk& chunk, std::size_t index) {
  const io::Record& record = chunk.records()[index];
  ShardOutput& without_key =
      outputs_[reader_.ShardWithoutKey(chunk.partition(), record.offset).rep()];
  if (!reader_.routes_by_key() && !HasRoom(without_key, 0)) return false;
  auto row = reader_.Read(chunk, index);
  if (!row.ok()) {
    return TakeDeadLetter(partition, without_key, record, ReasonOf(row.error().code),
                          row.error().detail);
  }
  ShardOutput& output = outputs_[row.value().shard.rep()];
  if (row.value().bytes > output.LargestRow()) {
    return TakeDeadLetter(partition, without_key, record, DeadLetterReason::kRecordTooLarge,
                          fmt::format("the row takes {} bytes, a message of this NATS server at "
                                      "most {}: raise its max_payload",
                                      row.value().bytes, output.LargestRow()));
  }
  if (!HasRoom(output, row.value().bytes)) return false;
  output.AppendRow(partition.stay, record.offset, record.timestamp_ms, row.value().cells,
                   row.value().bytes);
  return true;
}

bool Worker::TakeDeadLetter(Partition& partition, ShardOutput& output, const io::Record& record,
                            DeadLetterReason reason, std::string error) {
  if (!HasRoom(output, 0)) return false;
  parts_.metrics.DeadLettered(reason);
  output.AppendDeadLetter(partition.stay, {.component = "ingestor",
                                           .reason = reason,
                                           .error = std::move(error),
                                           .original_message = std::string(record.value),
                                           .column = {},
                                           .code = 0,
                                           .code_name = {},
                                           .origin = partition.stay.origin,
                                           .offset = record.offset,
                                           .timestamp_ms = record.timestamp_ms,
                                           .key = std::string(record.key),
                                           .time_ms = parts_.clock.WallMs()});
  return true;
}

void Worker::TellClocks() {
  const Clock::Time now = parts_.clock.Now();
  if (!options_.output.clocks || flushing_ || now < next_clocks_) return;
  bool all = true;
  std::vector<PartitionStay*> due;
  for (ShardOutput& output : outputs_) {
    due.clear();
    for (auto& [number, partition] : partitions_) {
      const Clock::Time told = partition.stay.shards[output.shard().rep()].told;
      if (told <= now - kClockAge) due.push_back(&partition.stay);
    }
    all &= output.TellClocks(due);
  }
  next_clocks_ = now + (all ? Clock::Duration(kClockInterval) : kClockRetry);
}

bool Worker::Draining() const {
  std::lock_guard lock(mutex_);
  return draining_;
}

void Worker::SendWhatIsDue() {
  for (ShardOutput& output : outputs_) output.SendIfDue(flushing_);
  if (!flushing_ || !AllIdle()) return;
  std::lock_guard lock(mutex_);
  drained_ = true;
  changed_.notify_all();
}

bool Worker::AllIdle() const {
  return std::ranges::all_of(outputs_, [](const ShardOutput& output) { return output.idle(); });
}

}  // namespace penstock::ingestor
