#include "sink/shard_writer.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "base/patience.h"
#include "base/planted_bug.h"
#include "base/thread.h"
#include "stage/dead_letters.h"
#include "stage/known_position.h"
#include "stage/replaced_stream.h"
#include "telemetry/log.h"

namespace penstock::sink {

namespace {

constexpr auto kReadWait = std::chrono::seconds(1);
// Several messages for each question to the server: one at a time costs it almost half again.
constexpr std::size_t kReadBytes = 4 << 20;
constexpr auto kIdleWait = std::chrono::seconds(5);

// A row stays given up for the reason that is recorded.
void AddGivenUp(Intent& intent, const std::vector<DeadLetter>& letters) {
  std::vector<GivenUp>& rows = intent.given_up;
  for (const DeadLetter& letter : letters) {
    rows.push_back({letter.origin, letter.offset, letter.code});
  }
  const auto place = [](const GivenUp& row) { return std::tie(row.origin, row.offset); };
  std::ranges::stable_sort(rows, {}, place);
  const auto repeated = std::ranges::unique(rows, {}, place);
  rows.erase(repeated.begin(), repeated.end());
}

}  // namespace

ShardWriter::ShardWriter(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(parts),
      store_(parts.bucket, options_.shard, parts.clock),
      budget_(options_.held_bytes) {}

ShardWriter::~ShardWriter() = default;

void ShardWriter::Start() {
  owner_ = StartThread(fmt::format("shard-{}", options_.shard.rep()),
                       [this](std::stop_token stop) { RunOwner(std::move(stop)); });
}

void ShardWriter::RequestStop() {
  std::lock_guard lock(mutex_);
  draining_ = true;
  changed_.notify_all();
}

bool ShardWriter::ended() const {
  std::lock_guard lock(mutex_);
  return ended_;
}

// The owner first: then no worker waits for it any more.
void ShardWriter::StopNow() {
  owner_.request_stop();
  if (owner_.joinable()) owner_.join();
  parts_.metrics.LetGo(std::exchange(unconfirmed_, 0));
  reader_.request_stop();
  if (reader_.joinable()) reader_.join();
  parts_.pool.Abandon(*this);
}

std::optional<Error> ShardWriter::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

// --- What the pool tells -------------------------------------------------------------------

bool ShardWriter::Record(Block& block, std::vector<DeadLetter> given_up) {
  RecordRequest request{.block = &block, .given_up = std::move(given_up)};
  std::unique_lock lock(mutex_);
  if (ended_) return false;
  requests_.push_back(&request);
  changed_.notify_all();
  changed_.wait(lock, [&] { return request.answered; });
  return request.granted;
}

void ShardWriter::Inserted(std::unique_ptr<Block> block) {
  std::lock_guard lock(mutex_);
  const std::uint64_t number = block->number;
  finished_.emplace(number, std::move(block));
  changed_.notify_all();
}

void ShardWriter::Failed(std::unique_ptr<Block>, Error error) {
  std::lock_guard lock(mutex_);
  if (!failure_ && error.code != kStopped.code) failure_ = stage::EndOfShard(std::move(error));
  changed_.notify_all();
}

// --- The reader ----------------------------------------------------------------------------

void ShardWriter::RunReader(StreamSeq from, std::stop_token stop) {
  const auto reader = parts_.streams.ReadFrom(options_.stream, from);
  Backoff backoff;
  while (!stop.stop_requested()) {
    const Status read = ReadSome(*reader, stop);
    if (read.ok()) {
      backoff.Reset();
    } else if (read.error().remedy == Remedy::kRetry) {
      parts_.metrics.ReadFailed(options_.shard, read.error());
      WaitUntil(parts_.clock.Now() + backoff.Next(), stop);
    } else if (read.error().code == "not_found") {
      return FinishWithout(read.error());
    } else {
      return Failed(nullptr, read.error());
    }
  }
}

// The stream is gone, but not the rows that are held: they are inserted, so that nothing of them
// has to come again, and only then the shard ends.
void ShardWriter::FinishWithout(const Error& stream) {
  std::lock_guard lock(mutex_);
  stream_lost_ = stream;
  draining_ = true;
  changed_.notify_all();
}

Status ShardWriter::ReadSome(io::StreamReader& reader, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(std::vector<io::StreamMessage> messages,
                            reader.Read(kReadBytes, parts_.clock.Now() + kReadWait, stop));
  for (io::StreamMessage& message : messages) {
    PENSTOCK_ASSIGN_OR_RETURN(std::shared_ptr<const HeldMessage> held,
                              Hold(std::move(message), stop));
    std::lock_guard lock(mutex_);
    arrived_.push_back(std::move(held));
    changed_.notify_all();
  }
  return Done{};
}

// Waits for room in the budget: what is not held stays in the stream.
Result<std::shared_ptr<const HeldMessage>> ShardWriter::Hold(io::StreamMessage message,
                                                             std::stop_token stop) {
  auto envelope = protocol::ReadEnvelope(message.data);
  if (!envelope.ok()) {
    return std::move(envelope).error().Within(
        fmt::format("message {} of stream {}", message.seq.rep(), options_.stream));
  }
  if (envelope.value().fingerprints.pipeline != options_.fingerprints.pipeline ||
      envelope.value().shard != options_.shard || envelope.value().shards != options_.shards) {
    return Error{
        Remedy::kStop, "foreign_batch",
        fmt::format("message {} of stream {} was written for another pipeline or another "
                    "number of shards ({}, here {}): remove the pipeline's streams or go "
                    "back to its old document",
                    message.seq.rep(), options_.stream, envelope.value().shards, options_.shards)};
  }
  auto permit = budget_.Acquire(message.data.size(), std::move(stop));
  if (!permit) return kStopped;
  return std::make_shared<const HeldMessage>(HeldMessage{.seq = message.seq,
                                                         .data = std::move(message.data),
                                                         .envelope = std::move(envelope).value(),
                                                         .arrived = parts_.clock.Now(),
                                                         .permit = std::move(*permit)});
}

// --- The owner -----------------------------------------------------------------------------

void ShardWriter::RunOwner(std::stop_token stop) {
  const Status owned = Own(stop);
  reader_.request_stop();
  if (!owned.ok() && owned.error().code != kStopped.code) {
    std::lock_guard lock(mutex_);
    failure_ = stage::EndOfShard(owned.error());
  }
  RefuseAll();
}

Status ShardWriter::Own(std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(TakeOver(stop));
  reader_ = StartThread(fmt::format("read-{}", options_.shard.rep()),
                        [this, from = StreamSeq(record_.position.seq.rep() + 1)](
                            std::stop_token reading) { RunReader(from, std::move(reading)); });
  while (true) {
    WaitForWork(stop);
    if (stop.stop_requested()) return kStopped;
    if (const auto failed = failure()) return *failed;
    AddArrived();
    CutWhatIsDue();
    if (!SubmitBlocks()) return kStopped;
    PENSTOCK_RETURN_IF_ERROR(UpdateRecord(stop));
    TrimStream();
    if (Idle()) return HowItEnds();
  }
}

Status ShardWriter::HowItEnds() const {
  std::lock_guard lock(mutex_);
  return stream_lost_ ? Status(*stream_lost_) : Status(Done{});
}

Status ShardWriter::TakeOver(std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(record_, store_.TakeOver(stop));
  PENSTOCK_RETURN_IF_ERROR(WithPatience(
      parts_.clock, std::move(stop), [](const Error&) {}, [&] { return CheckStream(); }));
  trimmed_ = record_.position.seq;
  planner_.emplace(options_.pipeline_id, options_.shard, options_.limits, record_);
  Log(LogLevel::kInfo, "Shard taken over.",
      {{"shard", options_.shard.rep()},
       {"term", record_.term},
       {"position", record_.position.seq.rep()},
       {"open_intents", record_.intents.size()}});
  return Done{};
}

// A position in a stream that has since been replaced or cut means nothing: the stream is read
// from its start, and what the record says of each origin sorts repeats out. Intents of messages
// that are not there cannot become blocks again.
Status ShardWriter::CheckStream() {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(options_.stream));
  PENSTOCK_ASSIGN_OR_RETURN(
      const bool known, stage::IsKnown(parts_.streams, options_.stream, state, record_.position));
  const bool gone = std::ranges::any_of(
      record_.intents, [&](const Intent& intent) { return intent.through > state.last; });
  if (!known && record_.position.created_ns != 0) {
    Log(LogLevel::kWarn,
        "The stream is another one than the record speaks of: reading it from its start.",
        {{"stream", options_.stream}, {"position", record_.position.seq.rep()}});
  }
  if ((!known && record_.position.created_ns != 0) || gone) {
    GiveUp(std::vector<Intent>(record_.intents));
  }
  if (!known) {
    record_.position = {.created_ns = state.created_ns, .seq = StreamSeq(0), .digest = 0};
    record_.input.reset();
    record_changed_ = true;
  }
  return Done{};
}

// What they had inserted without an answer may be inserted again with rows that come anew.
void ShardWriter::GiveUp(std::span<const Intent> intents) {
  for (const Intent& intent : intents) {
    parts_.metrics.IntentGivenUp(options_.shard, intent);
    std::erase_if(record_.intents, [&](const Intent& open) { return open.token == intent.token; });
    record_changed_ = true;
  }
}

void ShardWriter::WaitForWork(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  Clock::Time deadline = std::min(parts_.clock.Now() + kIdleWait, DueAt());
  if (trimmed_ < record_.position.seq) deadline = std::min(deadline, next_trim_);
  changed_.wait_until(lock, stop, deadline, [&] { return HasWork(); });
}

// When the block being filled is cut by age. Never while blocks wait for the pool (it would be
// many small ones), nor while it has to become an open intent's block again.
Clock::Time ShardWriter::DueAt() const {
  const auto since = planner_->OpenSince();
  if (!since || planner_->recovering() || !waiting_.empty()) return Clock::Time::max();
  return *since + parts_.pool.sizer().Scaled(options_.max_delay, parts_.clock.Now());
}

bool ShardWriter::HasWork() const {
  const bool recordable = std::ranges::any_of(requests_, [&](const RecordRequest* request) {
    return request->block->recorded || request->block->number == *unrecorded_.begin();
  });
  const bool submittable = !waiting_.empty() && in_flight_ < options_.blocks_in_flight;
  return record_changed_ || !arrived_.empty() || recordable || submittable ||
         finished_.contains(next_to_confirm_) || failure_.has_value() ||
         (draining_ && (DueAt() != Clock::Time::max() || in_flight_ == 0));
}

void ShardWriter::AddArrived() {
  std::deque<std::shared_ptr<const HeldMessage>> arrived;
  {
    std::lock_guard lock(mutex_);
    arrived.swap(arrived_);
  }
  for (auto& message : arrived) {
    unconfirmed_ += parts_.metrics.Read(*message);
    const BlockPlanner::Added added = planner_->Add(std::move(message));
    for (const Error& refused : added.refused) {
      parts_.metrics.SectionRefused(options_.shard, refused);
    }
    GiveUp(added.given_up);
  }
}

void ShardWriter::CutWhatIsDue() {
  BlockSizer& sizer = parts_.pool.sizer();
  planner_->set_limits(sizer.Scaled(options_.limits, parts_.clock.Now()));
  parts_.metrics.BlockScale(sizer.Scale(parts_.clock.Now()));
  const bool draining = Draining();
  if (draining) reader_.request_stop();
  if (draining || parts_.clock.Now() >= DueAt()) planner_->CutOpen();
  while (auto block = planner_->TakeComplete()) {
    parts_.metrics.Replayed(block->replayed);
    unconfirmed_ -= block->replayed;
    if (block->has_ranges() && !block->recorded) unrecorded_.insert(block->number);
    waiting_.push_back(std::make_unique<Block>(std::move(*block)));
  }
}

bool ShardWriter::SubmitBlocks() {
  while (!waiting_.empty() && in_flight_ < options_.blocks_in_flight) {
    std::unique_ptr<Block> block = std::move(waiting_.front());
    waiting_.pop_front();
    ++in_flight_;
    if (block->has_ranges()) {
      if (!parts_.pool.Submit(*this, std::move(block))) return false;
      continue;
    }
    // Nothing to insert: only the position moves, in its turn.
    std::lock_guard lock(mutex_);
    const std::uint64_t number = block->number;
    finished_.emplace(number, std::move(block));
  }
  return true;
}

Status ShardWriter::UpdateRecord(std::stop_token stop) {
  const std::vector<std::unique_ptr<Block>> finished = TakeFinished();
  const std::vector<RecordRequest*> requests = TakeRequests();
  bool changed = std::exchange(record_changed_, false) || !finished.empty();
  for (const auto& block : finished) ApplyConfirmed(*block);
  for (RecordRequest* request : requests) changed |= ApplyIntent(*request);
  if (changed) {
    const Status written = store_.Write(record_, stop);
    if (!written.ok()) {
      std::lock_guard lock(mutex_);
      requests_.insert(requests_.end(), requests.begin(), requests.end());
      return written;
    }
  }
  for (const auto& block : finished) {
    --in_flight_;
    parts_.metrics.Confirmed(*block);
    for (const auto& [origin, account] : block->accounts) unconfirmed_ -= account.total();
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (const Status granted = Grant(*requests[i], stop); !granted.ok()) {
      std::lock_guard lock(mutex_);
      requests_.insert(requests_.end(), requests.begin() + static_cast<std::ptrdiff_t>(i),
                       requests.end());
      return granted;
    }
  }
  return Done{};
}

std::vector<std::unique_ptr<Block>> ShardWriter::TakeFinished() {
  std::vector<std::unique_ptr<Block>> finished;
  std::lock_guard lock(mutex_);
  for (auto next = finished_.find(next_to_confirm_); next != finished_.end();
       next = finished_.find(next_to_confirm_)) {
    finished.push_back(std::move(next->second));
    finished_.erase(next);
    ++next_to_confirm_;
  }
  return finished;
}

// Those whose turn it is: intents stand in the record in the order of their blocks.
std::vector<ShardWriter::RecordRequest*> ShardWriter::TakeRequests() {
  std::vector<RecordRequest*> taken;
  std::lock_guard lock(mutex_);
  std::ranges::sort(requests_, {},
                    [](const RecordRequest* request) { return request->block->number; });
  std::erase_if(requests_, [&](RecordRequest* request) {
    const std::uint64_t number = request->block->number;
    if (!request->block->recorded && number != *unrecorded_.begin()) return false;
    unrecorded_.erase(number);
    taken.push_back(request);
    return true;
  });
  return taken;
}

void ShardWriter::ApplyConfirmed(const Block& block) {
  record_.position = block.position;
  if (block.join) record_.join = block.join;
  if (block.input) record_.input = block.input;
  for (const IntentRange& range : block.intent.ranges) Confirm(range.origin, range.lo, range.hi);
  for (const auto& [origin, offset] : block.committed) Confirm(origin, offset, offset);
  for (const auto& [origin, account] : block.accounts) {
    record_.progress[origin].account += account;
  }
  for (const GivenUp& row : block.intent.given_up) {
    Account& account = record_.progress[row.origin].account;
    --account[Outcome::kRow];
    ++account[Outcome::kDeadLetter];
  }
  if (!block.has_ranges()) return;
  PENSTOCK_CHECK(!record_.intents.empty() && record_.intents.front().token == block.intent.token,
                 "intents are confirmed in their order");
  record_.intents.erase(record_.intents.begin());
}

// The account of an origin that comes for the first time begins behind `lo`.
void ShardWriter::Confirm(const Origin& origin, Offset lo, Offset hi) {
  const auto [known, is_new] = record_.progress.try_emplace(origin);
  OriginProgress& progress = known->second;
  if (is_new) progress.first = Next(lo);
  progress.confirmed = std::max(progress.confirmed, hi);
}

// True when the record has changed and must be written before the worker goes on.
bool ShardWriter::ApplyIntent(RecordRequest& request) {
  Block& block = *request.block;
  AddGivenUp(block.intent, request.given_up);
  if (!std::exchange(block.recorded, true)) {
    record_.intents.push_back(block.intent);
    return true;
  }
  const auto recorded = std::ranges::find(record_.intents, block.intent.token, &Intent::token);
  PENSTOCK_CHECK(recorded != record_.intents.end(), "a recorded intent stays until confirmed");
  if (*recorded == block.intent) return false;
  *recorded = block.intent;
  return true;
}

// The rows given up are in the record; now their letters go, and only then the insert.
Status ShardWriter::Grant(RecordRequest& request, std::stop_token stop) {
  if (!request.given_up.empty()) {
    parts_.metrics.DeadLettered(request.given_up);
    stage::DeadLetterPacker packer(options_.pipeline_id, parts_.publisher.MaxPayload() / 2);
    for (DeadLetter& letter : request.given_up) packer.Add(std::move(letter));
    request.given_up.clear();
    PENSTOCK_RETURN_IF_ERROR(stage::SendDeadLetters(parts_.publisher, options_.dead_letter_subject,
                                                    packer.Take(), parts_.clock, std::move(stop)));
  }
  std::lock_guard lock(mutex_);
  request.granted = true;
  request.answered = true;
  changed_.notify_all();
  return Done{};
}

// Lets the workers go that wait for an intent that will not be recorded any more.
void ShardWriter::RefuseAll() {
  std::lock_guard lock(mutex_);
  ended_ = true;
  for (RecordRequest* request : std::exchange(requests_, {})) request->answered = true;
  changed_.notify_all();
}

// The message at the position stays: with it a stream that was replaced can be told.
void ShardWriter::TrimStream() {
  const Clock::Time now = parts_.clock.Now();
  if (record_.position.seq <= trimmed_ || now < next_trim_) return;
  next_trim_ = now + options_.trim_interval;
  const std::uint64_t above = IsPlanted(PlantedBug::kLastMessageTrimmed) ? 1 : 0;
  const Status trimmed = stage::TrimDone(parts_.streams, options_.stream, record_.position,
                                         StreamSeq(record_.position.seq.rep() + above));
  if (trimmed.ok()) trimmed_ = record_.position.seq;
  if (!trimmed.ok() && trimmed.error().code == "not_found") FinishWithout(trimmed.error());
}

bool ShardWriter::Draining() const {
  std::lock_guard lock(mutex_);
  return draining_;
}

bool ShardWriter::Idle() const {
  std::lock_guard lock(mutex_);
  return draining_ && waiting_.empty() && in_flight_ == 0 && arrived_.empty();
}

}  // namespace penstock::sink
