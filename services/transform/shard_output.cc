#include "transform/shard_output.h"

#include <algorithm>
#include <utility>

#include "base/patience.h"
#include "operators/give_up_row.h"
#include "operators/select_rows.h"
#include "operators/shuffle_rows.h"
#include "protocol/names.h"
#include "stage/known_position.h"
#include "telemetry/log.h"

namespace penstock::transform {

namespace {

using Fence = stage::OutputStream::Fence;

// Of a message, beside what is counted of its rows: the protocol's own headers.
constexpr std::size_t kPublishOverhead = 1024;

}  // namespace

ShardOutput::ShardOutput(Options options, Parts parts)
    : options_(std::move(options)),
      parts_(parts),
      in_stream_(protocol::StreamName(options_.pipeline_id, options_.plan.from, options_.shard)) {
  const std::uint32_t targets = shuffles() ? options_.shards : 1;
  targets_.reserve(targets);
  for (std::uint32_t shard = 0; shard < targets; ++shard) {
    AddTarget(shuffles() ? ShardId(shard) : options_.shard);
  }
  if (shuffles()) shuffled_.resize(targets);
}

void ShardOutput::AddTarget(ShardId shard) {
  const auto& [pipeline, own, shards, plan] = options_;
  targets_.push_back(
      {.output = {
           {.stream = protocol::StreamName(pipeline, plan.to, shard),
            .subject = shuffles() ? protocol::Subject(pipeline, plan.to, shard, own)
                                  : protocol::Subject(pipeline, plan.to, shard),
            .fence = shuffles() ? Fence::kSubject : Fence::kStream},
           {parts_.streams, parts_.publisher, parts_.clock, parts_.metrics.OutputReports(own)}}});
}

Status ShardOutput::Open(std::stop_token stop) {
  const auto report = [&](const Error& error) { parts_.metrics.Waits(options_.shard, error); };
  for (std::uint32_t i = 0; i < targets_.size(); ++i) {
    PENSTOCK_ASSIGN_OR_RETURN(const auto last, targets_[i].output.Open(stop));
    if (last) PENSTOCK_RETURN_IF_ERROR(CheckOurs(*last, shuffles() ? ShardId(i) : options_.shard));
    // A target without a message: whoever reads it has taken them all away, or there was none.
    const Position told = last ? *last->input : Position();
    PENSTOCK_ASSIGN_OR_RETURN(targets_[i].position, WithPatience(parts_.clock, stop, report, [&] {
                                return CheckedPosition(told);
                              }));
  }
  return Done{};
}

Status ShardOutput::CheckOurs(const protocol::Envelope& last, ShardId target) const {
  const std::optional<ShardId> writer =
      shuffles() ? std::optional(options_.shard) : std::optional<ShardId>();
  if (last.fingerprints.pipeline == options_.plan.fingerprints.pipeline && last.input &&
      last.shard == target && last.writer == writer) {
    return Done{};
  }
  return Error{Remedy::kStop, "foreign_batch",
               fmt::format("the last message of shard {} in {} was not written by this pipeline's "
                           "transform: remove the pipeline's streams or go back to its old "
                           "document",
                           options_.shard.rep(),
                           protocol::StreamName(options_.pipeline_id, options_.plan.to, target))};
}

// A position in a stream that has since been replaced or cut means nothing: the stream is read from
// its start, and the stages behind drop what they have.
Result<Position> ShardOutput::CheckedPosition(const Position& position) {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(in_stream_));
  const Position start{.created_ns = state.created_ns, .seq = StreamSeq(0), .digest = 0};
  if (position.seq.rep() == 0) return start;
  PENSTOCK_ASSIGN_OR_RETURN(const bool known,
                            stage::IsKnown(parts_.streams, in_stream_, state, position));
  if (known) return position;
  Log(LogLevel::kWarn,
      "The stream is another one than the output speaks of: reading it from its start.",
      {{"stream", in_stream_}, {"position", position.seq}});
  return start;
}

Position ShardOutput::position() const {
  const auto seq = [](const Target& target) { return target.position.seq; };
  return std::ranges::min_element(targets_, {}, seq)->position;
}

bool ShardOutput::had_messages() const {
  return std::ranges::any_of(targets_,
                             [](const Target& target) { return target.output.had_messages(); });
}

void ShardOutput::Encode(Batch& batch, const Position& input, std::vector<DeadLetter>& letters) {
  encoded_ = input;
  rows_ = batch.rows();
  batch.shard = options_.shard;
  batch.created_ms = parts_.clock.WallMs();
  if (shuffles()) {
    const auto form =
        options_.plan.shuffle_as_text ? protocol::KeyForm::kText : protocol::KeyForm::kPart;
    operators::ShuffleRows(batch, options_.plan.shuffle_key, form, options_.shard, shuffled_);
  }
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    targets_[i].messages.clear();
    if (targets_[i].position.seq >= input.seq) continue;
    EncodeTo(targets_[i], shuffles() ? shuffled_[i] : batch, input, letters);
  }
}

void ShardOutput::EncodeTo(Target& target, Batch& batch, const Position& input,
                           std::vector<DeadLetter>& letters) {
  batch.input = input;
  std::string& message = target.messages.emplace_back();
  protocol::EncodeBatch(batch, options_.shards, Codec::kLz4, message);
  const bool fits = message.size() + kPublishOverhead <= parts_.publisher.MaxPayload();
  if (fits || batch.rows() == 0) return;
  target.messages.pop_back();
  if (batch.rows() == 1) {
    letters.push_back(operators::GiveUpRow(batch, "transform", "transformed",
                                           parts_.publisher.MaxPayload(), parts_.clock.WallMs()));
    --rows_;
    return EncodeTo(target, batch, input, letters);
  }
  auto [first, second] = operators::Halve(batch);
  EncodeTo(target, first, target.position, letters);
  EncodeTo(target, second, input, letters);
}

// The parts of one target in their order; the first parts of all targets together, then the second.
Status ShardOutput::CheckIsThere() const {
  for (const Target& target : targets_) PENSTOCK_RETURN_IF_ERROR(target.output.CheckIsThere());
  return Done{};
}

Status ShardOutput::Publish(std::stop_token stop) {
  std::vector<stage::OutputStream::Outgoing> together;
  for (std::size_t part = 0;; ++part) {
    together.clear();
    for (Target& target : targets_) {
      if (part < target.messages.size()) together.push_back({target.output, target.messages[part]});
    }
    if (together.empty()) break;
    PENSTOCK_RETURN_IF_ERROR(stage::OutputStream::PublishAll(together, stop));
  }
  for (Target& target : targets_) {
    if (target.position.seq < encoded_.seq) target.position = encoded_;
  }
  return Done{};
}

}  // namespace penstock::transform
