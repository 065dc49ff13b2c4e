#include "transform/shard_transformer.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/patience.h"
#include "base/planted_bug.h"
#include "base/thread.h"
#include "base/wait.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"
#include "stage/dead_letters.h"
#include "stage/known_position.h"
#include "stage/replaced_stream.h"
#include "telemetry/log.h"

namespace penstock::transform {

namespace {

using protocol::Hop;

constexpr auto kReadWait = std::chrono::seconds(1);
constexpr std::size_t kReadBytes = 1 << 20;
// What a message takes in memory, in and out, for each byte of its rows; shuffled once more.
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
      in_stream_(protocol::StreamName(options_.pipeline_id, options_.plan.from, options_.shard)),
      store_(std::move(store)),
      transform_(std::move(transform)),
      output_({.pipeline_id = options_.pipeline_id,
               .shard = options_.shard,
               .shards = options_.shards,
               .plan = options_.plan},
              {parts.streams, parts.publisher, parts.clock, parts.metrics}),
      retention_(options_.plan.dedup_window) {
  if (store_ == nullptr) return;
  keys_.emplace(
      ShardKeys::Options{
          .shard = options_.shard,
          .stream = protocol::StreamName(options_.pipeline_id, options_.plan.keys, options_.shard),
          .subject = protocol::Subject(options_.pipeline_id, options_.plan.keys, options_.shard)},
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

void ShardTransformer::StopNow() {
  RequestStop();
  if (thread_.joinable()) thread_.join();
}

std::optional<Error> ShardTransformer::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

void ShardTransformer::Run(std::stop_token stop) {
  const Status owned = Own(std::move(stop));
  if (!owned.ok() && owned.error().code != kStopped.code) {
    std::lock_guard lock(mutex_);
    failure_ = stage::EndOfShard(owned.error());
  }
  ended_ = true;
}

Status ShardTransformer::Own(std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(TakeOver(stop));
  const auto reader =
      parts_.streams.ReadFrom(in_stream_, StreamSeq(output_.position().seq.rep() + 1));
  started_ = true;
  while (!stop.stop_requested()) {
    PENSTOCK_ASSIGN_OR_RETURN(
        const auto messages,
        WithPatience(
            parts_.clock, stop,
            [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); },
            [&] { return reader->Read(kReadBytes, parts_.clock.Now() + kReadWait, stop); }));
    // What is lost of the output while nothing comes would else be missed only with the next
    // message.
    if (messages.empty()) PENSTOCK_RETURN_IF_ERROR(output_.CheckIsThere());
    for (const io::StreamMessage& message : messages) {
      PENSTOCK_RETURN_IF_ERROR(Process(message, stop));
      TrimInput();
    }
    TrimInput();
  }
  return kStopped;
}

Status ShardTransformer::TakeOver(std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(output_.Open(stop));
  trimmed_ = output_.position().seq;
  if (keys_) {
    PENSTOCK_RETURN_IF_ERROR(WithPatience(
        parts_.clock, stop,
        [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); },
        [&] { return ExpectOrigins(); }));
    const Status opened = keys_->Open(output_.had_messages(), stop);
    if (!opened.ok() && opened.error().code == "corrupt") {
      PENSTOCK_RETURN_IF_ERROR(keys_->Rebuild(opened.error(), stop));
    } else if (!opened.ok()) {
      return opened;
    }
  }
  Log(LogLevel::kInfo, "Shard taken over.",
      {{"shard", options_.shard}, {"position", output_.position().seq}});
  return Done{};
}

// Origins that the sink has had from this shard: their rows may come again.
Status ShardTransformer::ExpectOrigins() {
  PENSTOCK_ASSIGN_OR_RETURN(const auto entry,
                            parts_.bucket.Get(protocol::ShardRecordKey(options_.shard)));
  if (!entry) return Done{};
  PENSTOCK_ASSIGN_OR_RETURN(const ShardRecord record, protocol::DecodeShardRecord(entry->value));
  for (const auto& [origin, progress] : record.progress) retention_.Expect(origin);
  if (!record.join) return Done{};
  const bool left = options_.plan.to == Hop::kLeft;
  for (const TakenIn& taken : left ? record.join->left.taken : record.join->right.taken) {
    if (taken.writer == options_.shard) retention_.Expect(taken.origin);
  }
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
  const std::size_t copies = kCopies + (options_.plan.shuffle_key.empty() ? 0 : 1);
  const auto permit = parts_.memory.Acquire(copies * envelope.body_bytes, stop);
  if (!permit) return kStopped;
  parts_.metrics.Read(envelope, message.data.size());
  if (const Status published = PublishOutput(envelope, message, stop); !published.ok()) {
    parts_.metrics.LetGo(envelope);
    return published;
  }
  parts_.metrics.Transformed(out_, output_.rows());
  if (!keys_) return Done{};
  return UpdateKeys(envelope, std::move(stop));
}

Status ShardTransformer::PublishOutput(const protocol::Envelope& envelope,
                                       const io::StreamMessage& message, std::stop_token stop) {
  PENSTOCK_RETURN_IF_ERROR(protocol::ReadRows(envelope, message.data, rows_));
  PENSTOCK_RETURN_IF_ERROR(Apply(envelope, stop));
  const Position done{
      .created_ns = output_.position().created_ns, .seq = message.seq, .digest = envelope.digest};
  output_.Encode(out_.batch, done, out_.letters);
  PENSTOCK_RETURN_IF_ERROR(SendLetters(stop));
  if (keys_) PENSTOCK_RETURN_IF_ERROR(keys_->Append(out_.first_rows, stop));
  return output_.Publish(std::move(stop));
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
  const StreamSeq done = output_.position().seq;
  if (done <= trimmed_ || now < next_trim_) return;
  next_trim_ = now + options_.trim_interval;
  if (store_ != nullptr) parts_.metrics.Store(options_.shard, store_->stats());
  const std::uint64_t above = IsPlanted(PlantedBug::kLastMessageTrimmed) ? 1 : 0;
  const Status trimmed = stage::TrimDone(parts_.streams, in_stream_, output_.position(),
                                         StreamSeq(done.rep() + above));
  if (trimmed.ok()) trimmed_ = done;
}

}  // namespace penstock::transform
