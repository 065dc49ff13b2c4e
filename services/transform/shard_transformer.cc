#include "transform/shard_transformer.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/patience.h"
#include "base/thread.h"
#include "base/wait.h"
#include "model/row_json.h"
#include "operators/select_rows.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "stage/dead_letters.h"
#include "telemetry/log.h"

namespace penstock::transform {

namespace {

using protocol::Hop;

constexpr auto kReadWait = std::chrono::seconds(1);
constexpr std::size_t kReadBytes = 1 << 20;
// Of a message, beside what is counted of its rows: the protocol's own headers.
constexpr std::size_t kPublishOverhead = 1024;
// What a message takes in memory, in and out, for each byte of its rows.
constexpr std::size_t kCopies = 3;
// Forgetting goes by slices: to look more often than so many times a window is of no use.
constexpr std::int64_t kForgetsPerWindow = 16;

Error Foreign(std::string detail) {
  return Error{Remedy::kStop, "foreign_batch", std::move(detail)};
}

}  // namespace

Result<std::unique_ptr<ShardTransformer>> ShardTransformer::Make(
    Options options, Parts parts, std::unique_ptr<state::KeyStore> store) {
  PENSTOCK_ASSIGN_OR_RETURN(
      auto transform, operators::BatchTransform::Make(options.plan, store.get(), parts.clock));
  return std::unique_ptr<ShardTransformer>(
      new ShardTransformer(std::move(options), parts, std::move(store), std::move(transform)));
}

ShardTransformer::ShardTransformer(Options options, Parts parts,
                                   std::unique_ptr<state::KeyStore> store,
                                   operators::BatchTransform transform)
    : options_(std::move(options)),
      parts_(parts),
      in_stream_(protocol::StreamName(options_.pipeline_id, Hop::kIn, options_.shard)),
      store_(std::move(store)),
      transform_(std::move(transform)),
      output_({.stream = protocol::StreamName(options_.pipeline_id, Hop::kOut, options_.shard),
               .subject = protocol::Subject(options_.pipeline_id, Hop::kOut, options_.shard)},
              {parts.streams, parts.publisher, parts.clock,
               parts.metrics.OutputReports(options_.shard)}),
      retention_(options_.plan.dedup_window) {
  if (store_ == nullptr) return;
  keys_.emplace(
      ShardKeys::Options{
          .shard = options_.shard,
          .stream = protocol::StreamName(options_.pipeline_id, Hop::kKeys, options_.shard),
          .subject = protocol::Subject(options_.pipeline_id, Hop::kKeys, options_.shard)},
      ShardKeys::Parts{parts.streams, parts.publisher, parts.clock, parts.metrics}, *store_);
}

ShardTransformer::~ShardTransformer() {
  RequestStop();
}

void ShardTransformer::Start() {
  thread_ = StartThread(fmt::format("shard-{}", options_.shard.rep()),
                        [this](std::stop_token stop) { Run(std::move(stop)); });
}

void ShardTransformer::RequestStop() {
  thread_.request_stop();
}

void ShardTransformer::Join() {
  if (thread_.joinable()) thread_.join();
}

std::optional<Error> ShardTransformer::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

void ShardTransformer::Run(std::stop_token stop) {
  const Status owned = Own(std::move(stop));
  if (owned.ok() || owned.error().code == kStopped.code) return;
  parts_.metrics.ShardFailed(options_.shard, owned.error());
  std::lock_guard lock(mutex_);
  failure_ = owned.error();
}

Status ShardTransformer::Own(std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(TakeOver(stop));
  const auto reader = parts_.streams.ReadFrom(in_stream_, StreamSeq(position_.seq.rep() + 1));
  started_ = true;
  while (!stop.stop_requested()) {
    PENSTOCK_ASSIGN_OR_RETURN(
        const auto messages,
        WithPatience(
            parts_.clock, stop,
            [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); },
            [&] { return reader->Read(kReadBytes, parts_.clock.Now() + kReadWait, stop); }));
    for (const io::StreamMessage& message : messages) {
      PENSTOCK_RETURN_IF_ERROR(Process(message, stop));
      TrimInput();
    }
    TrimInput();
  }
  return kStopped;
}

Status ShardTransformer::TakeOver(std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const auto last, output_.Open(stop));
  std::optional<Position> checkpoint;
  if (last) {
    if (last->fingerprints.pipeline != options_.plan.fingerprints.pipeline || !last->input) {
      return Foreign(
          fmt::format("the last message of shard {}'s output was not written by this "
                      "pipeline's transform: remove the pipeline's streams or go back "
                      "to its old document",
                      options_.shard.rep()));
    }
    checkpoint = last->input;
  }
  const auto report = [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); };
  PENSTOCK_ASSIGN_OR_RETURN(position_, WithPatience(parts_.clock, stop, report,
                                                    [&] { return CheckedPosition(checkpoint); }));
  trimmed_ = position_.seq;
  if (keys_) {
    PENSTOCK_RETURN_IF_ERROR(
        WithPatience(parts_.clock, stop, report, [&] { return ExpectOrigins(); }));
    const Status opened = keys_->Open(output_.had_messages(), stop);
    if (!opened.ok() && opened.error().code == "corrupt") {
      PENSTOCK_RETURN_IF_ERROR(keys_->Rebuild(opened.error(), stop));
    } else if (!opened.ok()) {
      return opened;
    }
  }
  Log(LogLevel::kInfo, "Shard taken over.",
      {{"shard", options_.shard}, {"position", position_.seq}});
  return Done{};
}

// A position in a stream that has since been replaced or cut means nothing: the stream is read from
// its start, and the sink drops what it has.
Result<Position> ShardTransformer::CheckedPosition(const std::optional<Position>& position) {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(in_stream_));
  const Position start{.created_ns = state.created_ns, .seq = StreamSeq(0), .digest = 0};
  if (!position) return start;
  bool known = position->created_ns == state.created_ns && position->seq <= state.last;
  if (known && position->seq.rep() > 0) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto message, parts_.streams.Get(in_stream_, position->seq));
    if (message) {
      const auto envelope = protocol::ReadEnvelope(message->data);
      known = envelope.ok() && envelope.value().digest == position->digest;
    }
  }
  if (known) return *position;
  Log(LogLevel::kWarn,
      "The stream is another one than the output speaks of: reading it from its start.",
      {{"stream", in_stream_}, {"position", position->seq}});
  return start;
}

// Origins that the sink has had from this shard: their rows may come again.
Status ShardTransformer::ExpectOrigins() {
  PENSTOCK_ASSIGN_OR_RETURN(const auto entry,
                            parts_.bucket.Get(protocol::ShardRecordKey(options_.shard)));
  if (!entry) return Done{};
  PENSTOCK_ASSIGN_OR_RETURN(const ShardRecord record, protocol::DecodeShardRecord(entry->value));
  for (const auto& [origin, progress] : record.progress) retention_.Expect(origin);
  return Done{};
}

Status ShardTransformer::CheckForeign(const protocol::Envelope& envelope, StreamSeq seq) const {
  if (envelope.fingerprints == options_.input && envelope.shard == options_.shard &&
      envelope.shards == options_.shards) {
    return Done{};
  }
  return Foreign(
      fmt::format("message {} of stream {} was written for another version of the "
                  "pipeline's fields or another number of shards ({}, here {}): let the "
                  "old version finish what is in the stream, or remove the stream",
                  seq.rep(), in_stream_, envelope.shards, options_.shards));
}

Status ShardTransformer::Process(const io::StreamMessage& message, std::stop_token stop) {
  auto read = protocol::ReadEnvelope(message.data);
  if (!read.ok()) {
    return std::move(read).error().Within(
        fmt::format("message {} of stream {}", message.seq.rep(), in_stream_));
  }
  const protocol::Envelope& envelope = read.value();
  PENSTOCK_RETURN_IF_ERROR(CheckForeign(envelope, message.seq));
  const auto permit = parts_.memory.Acquire(kCopies * envelope.body_bytes, stop);
  if (!permit) return kStopped;
  parts_.metrics.Read(envelope, message.data.size());
  PENSTOCK_RETURN_IF_ERROR(protocol::ReadRows(envelope, message.data, rows_));
  PENSTOCK_RETURN_IF_ERROR(Apply(envelope, stop));

  const Position done{
      .created_ns = position_.created_ns, .seq = message.seq, .digest = envelope.digest};
  out_.batch.shard = options_.shard;
  out_.batch.created_ms = parts_.clock.WallMs();
  messages_.clear();
  rows_out_ = 0;
  Encode(std::move(out_.batch), done, true);
  PENSTOCK_RETURN_IF_ERROR(SendLetters(stop));
  if (keys_) PENSTOCK_RETURN_IF_ERROR(keys_->Append(out_.first_rows, stop));
  for (const std::string& bytes : messages_) {
    PENSTOCK_RETURN_IF_ERROR(output_.Publish(bytes, stop));
  }
  position_ = done;
  parts_.metrics.Transformed(out_, rows_out_);
  if (!keys_) return Done{};
  return UpdateKeys(envelope, std::move(stop));
}

Status ShardTransformer::Apply(const protocol::Envelope& envelope, std::stop_token stop) {
  while (true) {
    const Status applied = transform_.Apply({.sections = envelope.sections,
                                             .timestamps_ms = rows_.timestamps_ms,
                                             .columns = rows_.columns},
                                            out_);
    if (applied.ok()) return Done{};
    if (applied.error().remedy == Remedy::kRetry) {
      parts_.metrics.StoreFailed(options_.shard, applied.error());
      if (!WaitUntil(parts_.clock.Now() + std::chrono::seconds(1), stop)) return kStopped;
    } else if (applied.error().code == "corrupt" && keys_) {
      PENSTOCK_RETURN_IF_ERROR(keys_->Rebuild(applied.error(), stop));
    } else {
      return applied;
    }
  }
}

// Parts but the last carry the position before this message: an owner that finds one of them last
// does the whole message again, and the sink knows what it has.
void ShardTransformer::Encode(Batch batch, const Position& input, bool last) {
  batch.input = last ? input : position_;
  std::string& message = messages_.emplace_back();
  protocol::EncodeBatch(batch, options_.shards, Codec::kLz4, message);
  if (message.size() + kPublishOverhead <= parts_.publisher.MaxPayload()) {
    rows_out_ += batch.rows();
    if (last) out_.batch = std::move(batch);  // Its memory is for the next one.
    return;
  }
  messages_.pop_back();
  if (batch.rows() == 1) {
    GiveUp(batch);
    return Encode(std::move(batch), input, last);
  }
  auto [first, second] = operators::Halve(batch);
  Encode(std::move(first), input, false);
  Encode(std::move(second), input, last);
}

// The only row of the batch fits no message.
void ShardTransformer::GiveUp(Batch& batch) {
  const Outcome given_up[] = {Outcome::kDeadLetter};
  std::vector<ColumnView> columns;
  for (const Column& column : batch.columns) columns.push_back(column.View());
  const auto section =
      std::ranges::find_if(batch.sections, [](const Section& of) { return of.rows() == 1; });
  out_.letters.push_back(
      {.component = "transform",
       .reason = DeadLetterReason::kRecordTooLarge,
       .error = fmt::format("the transformed row does not fit into a message of this NATS server "
                            "({} bytes): raise its max_payload",
                            parts_.publisher.MaxPayload()),
       .original_message = RowAsJson(columns, 0),
       .column = {},
       .code = 0,
       .code_name = {},
       .origin = section->origin,
       .offset = section->OffsetOfRow(0),
       .timestamp_ms = batch.timestamps_ms.front(),
       .key = {},
       .time_ms = parts_.clock.WallMs()});
  batch.sections = operators::WithOutcomes(batch.sections, given_up);
  batch.timestamps_ms.clear();
  for (Column& column : batch.columns) column.Clear();
}

Status ShardTransformer::SendLetters(std::stop_token stop) {
  if (out_.letters.empty()) return Done{};
  parts_.metrics.DeadLettered(out_.letters);
  stage::DeadLetterPacker packer(options_.pipeline_id, parts_.publisher.MaxPayload() / 2);
  for (DeadLetter& letter : out_.letters) packer.Add(std::move(letter));
  return stage::SendDeadLetters(parts_.publisher,
                                protocol::DeadLetterSubject(options_.pipeline_id, "transform"),
                                packer.Take(), parts_.clock, std::move(stop));
}

Status ShardTransformer::UpdateKeys(const protocol::Envelope& envelope, std::stop_token stop) {
  const Status remembered = keys_->Remember(out_.first_rows, stop);
  if (!remembered.ok() && remembered.error().code == "corrupt") {
    PENSTOCK_RETURN_IF_ERROR(keys_->Rebuild(remembered.error(), stop));
  } else if (!remembered.ok()) {
    return remembered;
  }
  retention_.Take(envelope.sections, rows_.timestamps_ms, envelope.created_ms);
  const auto before = retention_.ForgetBefore();
  const std::int64_t step =
      std::chrono::ceil<std::chrono::milliseconds>(options_.plan.dedup_window).count() /
      kForgetsPerWindow;
  if (!before ||
      (forgotten_before_ && *before < *forgotten_before_ + std::max(step, std::int64_t{1}))) {
    return Done{};
  }
  forgotten_before_ = before;
  return keys_->Forget(*before, std::move(stop));
}

// The message at the position stays: with it a stream that was replaced can be told.
void ShardTransformer::TrimInput() {
  const Clock::Time now = parts_.clock.Now();
  if (position_.seq <= trimmed_ || now < next_trim_) return;
  next_trim_ = now + options_.trim_interval;
  if (store_ != nullptr) parts_.metrics.Store(options_.shard, store_->stats());
  const Status trimmed = parts_.streams.Trim(in_stream_, position_.seq);
  if (trimmed.ok()) trimmed_ = position_.seq;
}

}  // namespace penstock::transform
