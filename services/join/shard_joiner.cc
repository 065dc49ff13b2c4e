#include "join/shard_joiner.h"

#include <algorithm>
#include <utility>

#include "base/patience.h"
#include "base/thread.h"
#include "operators/give_up_row.h"
#include "operators/select_rows.h"
#include "protocol/names.h"
#include "stage/dead_letters.h"
#include "stage/known_position.h"
#include "stage/replaced_stream.h"
#include "stage/shard_record_store.h"
#include "telemetry/log.h"

namespace penstock::join {

namespace {

using operators::BatchJoin;

constexpr auto kTakeWait = std::chrono::seconds(1);
// Of a message, beside what is counted of its rows: the protocol's own headers.
constexpr std::size_t kPublishOverhead = 1024;
// What a message takes in memory, in and out, for each byte of its rows.
constexpr std::size_t kCopies = 4;
// A disk that damages a store again and again is not made to rebuild it for ever.
constexpr int kMostRebuilds = 3;

Hop HopOf(Side side) {
  return side == Side::kLeft ? Hop::kLeft : Hop::kRight;
}

JoinSideProgress& Of(JoinCheckpoint& checkpoint, Side side) {
  return side == Side::kLeft ? checkpoint.left : checkpoint.right;
}

bool IsDamage(const Status& status) {
  return !status.ok() && status.error().code == "corrupt";
}

Error Foreign(std::string detail) {
  return Error{Remedy::kStop, "foreign_batch", std::move(detail)};
}

}  // namespace

template <typename Call>
auto ShardJoiner::WithStore(const std::stop_token& stop, Call call) {
  return WithPatience(
      parts_.clock, stop,
      [&](const Error& error) { parts_.metrics.StoreFailed(options_.shard, error); }, call);
}

Result<std::unique_ptr<ShardJoiner>> ShardJoiner::Make(Options options, Parts parts,
                                                       std::unique_ptr<state::RowStore> store) {
  auto joiner =
      std::unique_ptr<ShardJoiner>(new ShardJoiner(std::move(options), parts, std::move(store)));
  PENSTOCK_ASSIGN_OR_RETURN(
      auto join,
      BatchJoin::Make(joiner->options_.plan, joiner->options_.shard, *joiner->store_, parts.clock));
  joiner->join_.emplace(std::move(join));
  return joiner;
}

ShardJoiner::ShardJoiner(Options options, Parts parts, std::unique_ptr<state::RowStore> store)
    : options_(std::move(options)),
      parts_(parts),
      store_(std::move(store)),
      output_({.stream = protocol::StreamName(options_.pipeline_id, Hop::kOut, options_.shard),
               .subject = protocol::Subject(options_.pipeline_id, Hop::kOut, options_.shard)},
              {parts.streams, parts.publisher, parts.clock,
               parts.metrics.OutputReports(options_.shard)}) {}

ShardJoiner::~ShardJoiner() {
  RequestStop();
}

void ShardJoiner::Start() {
  thread_ = StartThread(fmt::format("shard-{}", options_.shard.rep()),
                        [this](std::stop_token stop) { Run(std::move(stop)); });
}

void ShardJoiner::RequestStop() {
  thread_.request_stop();
}

void ShardJoiner::StopNow() {
  RequestStop();
  if (thread_.joinable()) thread_.join();
}

std::optional<Error> ShardJoiner::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

void ShardJoiner::Run(std::stop_token stop) {
  const Status owned = Own(std::move(stop));
  inbox_.reset();
  if (!owned.ok() && owned.error().code != kStopped.code) {
    std::lock_guard lock(mutex_);
    failure_ = stage::EndOfShard(owned.error());
  }
  ended_ = true;
}

Status ShardJoiner::Own(std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(TakeOver(stop));
  for (int rebuilds = 0;; ++rebuilds) {
    Status worked = WorkUntilDamaged(stop);
    if (!IsDamage(worked) || rebuilds == kMostRebuilds) return worked;
    parts_.metrics.StoreDamaged(options_.shard, worked.error());
    PENSTOCK_RETURN_IF_ERROR(WithStore(stop, [&] { return store_->Reset(); }));
  }
}

// --- Taking over ---------------------------------------------------------------------------

Status ShardJoiner::TakeOver(std::stop_token stop) {
  const auto report = [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); };
  PENSTOCK_ASSIGN_OR_RETURN(const auto last, output_.Open(stop));
  PENSTOCK_ASSIGN_OR_RETURN(
      published_, WithPatience(parts_.clock, stop, report, [&] { return LastCheckpoint(last); }));
  Log(LogLevel::kInfo, "Shard taken over.",
      {{"shard", options_.shard},
       {"left", published_.left.position.seq},
       {"right", published_.right.position.seq},
       {"step", step_}});
  return Done{};
}

// Of the last message of the output, or else of the sink's record.
Result<JoinCheckpoint> ShardJoiner::LastCheckpoint(const std::optional<protocol::Envelope>& last) {
  PENSTOCK_ASSIGN_OR_RETURN(
      const ShardRecord record,
      stage::LoadOrCreateShardRecord(parts_.bucket, options_.shard, parts_.clock));
  birth_ = record.birth;
  if (last) {
    if (last->fingerprints.pipeline != options_.plan.fingerprints.pipeline || !last->join ||
        last->sections.size() != 1) {
      return Foreign(
          fmt::format("the last message of shard {}'s output was not written by this "
                      "pipeline's join: remove the pipeline's streams or go back to its "
                      "old document",
                      options_.shard.rep()));
    }
    step_ = last->sections.front().last;
    return *last->join;
  }
  const auto progress = record.progress.find(JoinOrigin(options_.shard));
  if (progress != record.progress.end()) {
    step_ = std::max(Offset(0), progress->second.confirmed);
  }
  JoinCheckpoint checkpoint = record.join.value_or(JoinCheckpoint{});
  for (const Side side : {Side::kLeft, Side::kRight}) {
    Position& position = Of(checkpoint, side).position;
    if (position.created_ns != 0) continue;
    PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state,
                              parts_.streams.State(protocol::StreamName(
                                  options_.pipeline_id, HopOf(side), options_.shard)));
    position.created_ns = state.created_ns;
  }
  return checkpoint;
}

Status ShardJoiner::Resume(std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(WithStore(stop, [&] { return join_->Resume(published_, step_); }));
  steps_before_ = published_.steps_of_next;
  for (const Side side : {Side::kLeft, Side::kRight}) {
    PENSTOCK_RETURN_IF_ERROR(WithPatience(
        parts_.clock, stop,
        [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); },
        [&] { return CheckStream(side); }));
  }
  return Done{};
}

// A position in a stream that has since been replaced or cut means nothing: the stream is read from
// its start, and what has been taken in sorts repeats out.
Status ShardJoiner::CheckStream(Side side) {
  const std::string stream =
      protocol::StreamName(options_.pipeline_id, HopOf(side), options_.shard);
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(stream));
  PENSTOCK_ASSIGN_OR_RETURN(const bool known, stage::IsKnown(parts_.streams, stream, state,
                                                             Of(published_, side).position));
  if (known) return Done{};
  Log(LogLevel::kWarn,
      "The stream is another one than the output speaks of: reading it from its start.",
      {{"stream", stream}, {"position", Of(published_, side).position.seq}});
  PENSTOCK_ASSIGN_OR_RETURN(const bool kept, join_->StreamReplaced(side, state.created_ns));
  if (!kept) parts_.metrics.StateLost(options_.shard, side);
  return Done{};
}

// --- Working -------------------------------------------------------------------------------

// Error "corrupt": the store is damaged.
Status ShardJoiner::WorkUntilDamaged(std::stop_token stop) {
  started_ = false;
  inbox_.reset();
  PENSTOCK_RETURN_IF_ERROR(Resume(stop));
  const Clock::Time began = parts_.clock.Now();
  SideInbox::Options options{.name = fmt::format("s{}", options_.shard.rep()),
                             .streams = {},
                             .from = {},
                             .held_bytes = options_.held_bytes};
  for (const Side side : {Side::kLeft, Side::kRight}) {
    const auto index = static_cast<std::size_t>(side);
    options.streams[index] =
        protocol::StreamName(options_.pipeline_id, HopOf(side), options_.shard);
    options.from[index] = StreamSeq(join_->position(side).seq.rep() + 1);
  }
  inbox_ = std::make_unique<SideInbox>(
      options, SideInbox::Parts{parts_.streams, parts_.clock, [this](const Error& error) {
                                  parts_.metrics.Waits(options_.shard, error);
                                }});
  const auto choose = [this](bool left, bool right) { return ChooseSide(left, right); };
  while (!stop.stop_requested()) {
    if (join_->caught_up() && !started_) {
      if (parts_.clock.Now() > began)
        parts_.metrics.CaughtUp(options_.shard, parts_.clock.Now() - began);
      started_ = true;
    }
    PENSTOCK_RETURN_IF_ERROR(SendUnmatched(stop));
    if (const auto taken = inbox_->Take(choose, parts_.clock.Now() + kTakeWait, stop)) {
      PENSTOCK_RETURN_IF_ERROR(Process(taken->side, taken->message, stop));
    } else if (const auto failed = inbox_->failure()) {
      return *failed;
    }
    PENSTOCK_RETURN_IF_ERROR(Tidy(stop));
  }
  return kStopped;
}

// A side of which nothing is known yet is as far behind as can be.
bool ShardJoiner::IsTooFarAhead(std::optional<std::int64_t> one_ms,
                                std::optional<std::int64_t> other_ms) const {
  if (!options_.plan.max_skew || !one_ms) return false;
  return !other_ms || *one_ms - *other_ms > *options_.plan.max_skew / std::chrono::milliseconds(1);
}

// The side whose time is behind goes first, so that few rows have to wait.
std::optional<Side> ShardJoiner::ChooseSide(bool left, bool right) const {
  left = left && join_->Wants(Side::kLeft);
  right = right && join_->Wants(Side::kRight);
  const auto left_ms = join_->time_ms(Side::kLeft);
  const auto right_ms = join_->time_ms(Side::kRight);
  if (join_->caught_up()) {
    left = left && !IsTooFarAhead(left_ms, right_ms);
    right = right && !IsTooFarAhead(right_ms, left_ms);
  }
  if (left && right) return left_ms > right_ms ? Side::kRight : Side::kLeft;
  if (left) return Side::kLeft;
  return right ? std::optional(Side::kRight) : std::nullopt;
}

Status ShardJoiner::CheckForeign(Side side, const protocol::Envelope& envelope,
                                 StreamSeq seq) const {
  if (envelope.fingerprints == options_.plan.side(side).fingerprints &&
      envelope.shard == options_.shard && envelope.shards == options_.shards) {
    return Done{};
  }
  return Foreign(fmt::format(
      "message {} of stream {} was written for another version of the pipeline's fields or another "
      "number of shards ({}, here {}): let the old version finish what is in the stream, or remove "
      "the stream",
      seq.rep(), protocol::StreamName(options_.pipeline_id, HopOf(side), options_.shard),
      envelope.shards, options_.shards));
}

Status ShardJoiner::Process(Side side, const io::StreamMessage& message, std::stop_token stop) {
  auto read = protocol::ReadEnvelope(message.data);
  if (!read.ok())
    return Foreign(fmt::format("message {} of side {}: {}", message.seq.rep(),
                               side == Side::kLeft ? "left" : "right", read.error().detail));
  const protocol::Envelope& envelope = read.value();
  PENSTOCK_RETURN_IF_ERROR(CheckForeign(side, envelope, message.seq));
  const auto permit = parts_.memory.Acquire(kCopies * envelope.body_bytes, stop);
  if (!permit) return kStopped;
  parts_.metrics.Read(side, message.data.size());
  if (const Status rows = protocol::ReadRows(envelope, message.data, rows_); !rows.ok()) {
    return Foreign(rows.error().detail);
  }
  const bool again = !join_->caught_up();
  PENSTOCK_RETURN_IF_ERROR(WithStore(stop, [&] {
    return join_->Take({.side = side,
                        .position = {.created_ns = join_->position(side).created_ns,
                                     .seq = message.seq,
                                     .digest = envelope.digest},
                        .writer = envelope.writer.value_or(options_.shard),
                        .created_ms = envelope.created_ms,
                        .sections = envelope.sections,
                        .timestamps_ms = rows_.timestamps_ms,
                        .columns = rows_.columns},
                       out_);
  }));
  if (again) return WithStore(stop, [&] { return join_->Commit(); });
  const bool quiet = std::ranges::all_of(
      envelope.sections, [](const Section& section) { return section.runs.empty(); });
  // Such a message has changed nothing that the next output does not say, too.
  if (quiet && out_.batch.sections.front().runs.empty() && steps_before_ == 0 &&
      parts_.clock.Now() < published_at_ + options_.quiet_interval) {
    return Done{};
  }
  what_ = side == Side::kLeft ? JoinCheckpoint::Next::kLeft : JoinCheckpoint::Next::kRight;
  return Publish(side, std::move(stop));
}

Status ShardJoiner::SendUnmatched(std::stop_token stop) {
  while (true) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool taken,
                              WithStore(stop, [&] { return join_->TakeUnmatched(out_); }));
    if (!taken) return Done{};
    what_ = JoinCheckpoint::Next::kUnmatched;
    PENSTOCK_RETURN_IF_ERROR(Publish(std::nullopt, stop));
  }
}

// --- Publishing ----------------------------------------------------------------------------

Status ShardJoiner::Publish(std::optional<Side> side, std::stop_token stop) {
  Batch& batch = out_.batch;
  batch.shard = options_.shard;
  batch.created_ms = parts_.clock.WallMs();
  Section& section = batch.sections.front();
  section.birth = birth_;
  section.committed = Offset(1);  // Steps begin with 1.
  step_ = section.last;
  JoinCheckpoint done = *batch.join;
  messages_.clear();
  rows_out_ = 0;
  Encode(std::move(batch), true);
  steps_before_ = 0;
  PENSTOCK_RETURN_IF_ERROR(SendLetters(stop));
  for (const std::string& bytes : messages_) {
    PENSTOCK_RETURN_IF_ERROR(output_.Publish(bytes, stop));
  }
  published_ = std::move(done);
  published_at_ = parts_.clock.Now();
  parts_.metrics.Joined(side, out_, rows_out_);
  return WithStore(stop, [&] { return join_->Commit(); });
}

// Parts but the last say how it was before, and how many steps of what follows are out: an owner
// that finds one of them last does the same again and leaves those out.
void ShardJoiner::Encode(Batch batch, bool last) {
  const Section& section = batch.sections.front();
  const auto steps = static_cast<std::uint64_t>(section.last.rep() - section.after.rep());
  const std::optional<JoinCheckpoint> done = batch.join;
  if (!last) {
    batch.join = join_->before();
    batch.join->steps_of_next = steps_before_ + steps;
    batch.join->next = what_;
  }
  std::string& message = messages_.emplace_back();
  protocol::EncodeBatch(batch, options_.shards, Codec::kLz4, message);
  const bool fits = message.size() + kPublishOverhead <= parts_.publisher.MaxPayload();
  // Without a row there is nothing to divide: the server says that it is too large.
  if (fits || batch.rows() == 0) {
    steps_before_ += steps;
    rows_out_ += batch.rows();
    if (last) out_.batch = std::move(batch);  // Its memory is for the next one.
    return;
  }
  messages_.pop_back();
  batch.join = done;
  if (batch.rows() == 1) {
    out_.letters.push_back(operators::GiveUpRow(
        batch, "join", "joined", parts_.publisher.MaxPayload(), parts_.clock.WallMs()));
    return Encode(std::move(batch), last);
  }
  auto [first, second] = operators::Halve(batch);
  second.join = done;
  Encode(std::move(first), false);
  Encode(std::move(second), last);
}

Status ShardJoiner::SendLetters(std::stop_token stop) {
  if (out_.letters.empty()) return Done{};
  parts_.metrics.DeadLettered(out_.letters);
  stage::DeadLetterPacker packer(options_.pipeline_id, parts_.publisher.MaxPayload() / 2);
  for (DeadLetter& letter : out_.letters) packer.Add(std::move(letter));
  return stage::SendDeadLetters(parts_.publisher,
                                protocol::DeadLetterSubject(options_.pipeline_id, "join"),
                                packer.Take(), parts_.clock, std::move(stop));
}

// Old rows and messages go, about once a second. The message at the position stays: with it a
// stream that was replaced can be told.
Status ShardJoiner::Tidy(std::stop_token stop) {
  const Clock::Time now = parts_.clock.Now();
  if (now < next_tidy_) return Done{};
  next_tidy_ = now + options_.trim_interval;
  PENSTOCK_ASSIGN_OR_RETURN(const std::uint64_t expired,
                            WithStore(stop, [&] { return join_->DropOld(); }));
  if (!options_.plan.sends_unmatched) parts_.metrics.Expired(expired);
  parts_.metrics.Show(options_.shard, {.store = store_->stats(),
                                       .left_ms = join_->time_ms(Side::kLeft),
                                       .right_ms = join_->time_ms(Side::kRight),
                                       .now_ms = parts_.clock.WallMs()});
  if (!join_->caught_up()) return Done{};
  for (const Side side : {Side::kLeft, Side::kRight}) {
    const JoinSideProgress& of = Of(published_, side);
    const Status trimmed = stage::TrimDone(
        parts_.streams, protocol::StreamName(options_.pipeline_id, HopOf(side), options_.shard),
        of.position, std::min(of.kept_from, of.position.seq));
    if (!trimmed.ok()) parts_.metrics.Waits(options_.shard, trimmed.error());
  }
  return Done{};
}

}  // namespace penstock::join
