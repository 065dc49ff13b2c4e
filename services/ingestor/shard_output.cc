#include "ingestor/shard_output.h"

#include <algorithm>
#include <utility>

#include "protocol/batch_codec.h"
#include "telemetry/log.h"

namespace penstock::ingestor {

namespace {

constexpr auto kPublishTimeout = std::chrono::seconds(5);
// Room that a message needs beside its rows: header, sections, column names, JetStream's headers.
constexpr std::size_t kOverhead = 64 << 10;
// However well rows compress, a batch never needs more memory than this.
constexpr std::size_t kLargestRaw = 8 << 20;
constexpr std::size_t kMostSections = 256;

}  // namespace

ShardOutput::ShardOutput(Options options, Parts parts, AnswerCallback on_answer)
    : options_(std::move(options)),
      parts_(parts),
      on_answer_(std::move(on_answer)),
      raw_limit_(RawLimit()),
      letters_(options_.pipeline_id, parts.publisher.MaxPayload() / 2) {
  open_.fingerprints = options_.fingerprints;
  open_.shard = options_.shard;
  for (const PlannedField& field : options_.columns) {
    open_.columns.emplace_back(field.name, field.physical);
  }
}

// Rows that fit uncompressed fit compressed too: a batch never has to be split after the fact.
std::size_t ShardOutput::RawLimit() const {
  const std::size_t payload = parts_.publisher.MaxPayload();
  return std::min(kLargestRaw, payload > 2 * kOverhead ? payload - kOverhead : payload / 2);
}

bool ShardOutput::Full() const {
  return static_cast<double>(raw_bytes_) * compression_ >=
             static_cast<double>(options_.target_bytes) ||
         raw_bytes_ >= raw_limit_ || letters_.bytes() >= raw_limit_ ||
         open_.sections.size() >= kMostSections;
}

bool ShardOutput::CanTake(std::size_t bytes) const {
  if (open_.sections.empty()) return true;
  return !Full() && raw_bytes_ + bytes <= raw_limit_;
}

Section& ShardOutput::SectionOf(PartitionStay& partition, Offset first) {
  PartitionStay::InShard& in_shard = partition.shards[options_.shard.rep()];
  // Rows follow their sections in order, so only the last section can grow: a partition that
  // comes back after another gets a section more.
  if (in_shard.batch != batch_number_ || in_shard.section + 1 != open_.sections.size()) {
    if (open_.sections.empty()) opened_ = parts_.clock.Now();
    in_shard.batch = batch_number_;
    in_shard.section = open_.sections.size();
    Section& section = open_.sections.emplace_back();
    section.origin = partition.origin;
    section.after = in_shard.after;
    section.last = in_shard.after;
    section.committed = partition.start;
    open_stays_.push_back(partition.stay);
    parts_.tracker.Open(partition.stay, options_.shard, first);
  }
  return open_.sections[in_shard.section];
}

void ShardOutput::Extend(PartitionStay& partition, Offset offset, Outcome outcome) {
  SectionOf(partition, offset).Add(offset, outcome);
  partition.shards[options_.shard.rep()].after = offset;
}

void ShardOutput::AppendRow(PartitionStay& partition, Offset offset, std::int64_t timestamp_ms,
                            std::span<const Cell> cells, std::size_t bytes) {
  Extend(partition, offset, Outcome::kRow);
  open_.timestamps_ms.push_back(timestamp_ms);
  for (std::size_t i = 0; i < cells.size(); ++i) open_.columns[i].Append(cells[i]);
  raw_bytes_ += bytes;
}

void ShardOutput::AppendDeadLetter(PartitionStay& partition, DeadLetter letter) {
  Extend(partition, letter.offset, Outcome::kDeadLetter);
  letters_.Add(std::move(letter));
}

void ShardOutput::SendIfDue(bool flush) {
  const Clock::Time now = parts_.clock.Now();
  if (sending_) {
    if (!sending_->waiting && now >= sending_->retry_at) Send();
    return;
  }
  if (open_.sections.empty()) {
    raw_limit_ = RawLimit();
    return;
  }
  if (!flush && !Full() && now < opened_ + options_.max_delay) return;
  Seal();
  Send();
}

Clock::Time ShardOutput::Deadline() const {
  if (sending_) return sending_->waiting ? Clock::Time::max() : sending_->retry_at;
  return open_.sections.empty() ? Clock::Time::max() : opened_ + options_.max_delay;
}

// Turns the open batch into the bytes that are sent, as often as it takes, and opens the next.
void ShardOutput::Seal() {
  Sending sealed;
  open_.created_ms = parts_.clock.WallMs();
  for (std::size_t i = 0; i < open_.sections.size(); ++i) {
    Section& section = open_.sections[i];
    // The partition may have been taken away since: what was committed at its start stays true.
    section.committed =
        std::max(section.committed, parts_.tracker.LastCommitted(section.origin.partition));
    section.birth = parts_.sinks.Birth(options_.shard);
    sealed.sections.emplace_back(open_stays_[i], section.last);
  }
  protocol::EncodeBatch(open_, options_.shards, Codec::kLz4, sealed.batch);
  sealed.rows = open_.rows();
  sealed.letters = letters_.Take();
  if (raw_bytes_ > 0) {
    const double now = static_cast<double>(sealed.batch.size()) / static_cast<double>(raw_bytes_);
    compression_ = 0.7 * compression_ + 0.3 * std::min(1.0, now);
  }
  for (Column& column : open_.columns) column.Clear();
  open_.timestamps_ms.clear();
  open_.sections.clear();
  open_stays_.clear();
  raw_bytes_ = 0;
  ++batch_number_;
  sending_ = std::move(sealed);
}

void ShardOutput::Send() {
  Sending& sending = *sending_;
  sending.waiting = true;
  sending.sent = parts_.clock.Now();
  io::PublishRequest request{
      .subject = options_.subject, .data = sending.batch, .expected_last = {}, .message_id = {}};
  if (sending.letters_sent < sending.letters.size()) {
    const auto& letters = sending.letters[sending.letters_sent];
    request = {.subject = options_.dead_letter_subject,
               .data = letters.lines,
               .expected_last = {},
               .message_id = letters.id};
  }
  parts_.publisher.Publish(request, kPublishTimeout, [this](Result<io::PublishAck> answer) {
    on_answer_(options_.shard, std::move(answer));
  });
}

Status ShardOutput::Answer(Result<io::PublishAck> answer) {
  PENSTOCK_CHECK(sending_ && sending_->waiting, "an answer belongs to what was sent");
  Sending& sending = *sending_;
  sending.waiting = false;
  if (!answer.ok()) {
    if (answer.error().remedy != Remedy::kRetry) {
      return std::move(answer).error().Within(
          fmt::format("publishing to shard {}", options_.shard.rep()));
    }
    parts_.metrics.PublishRefused(options_.shard, answer.error());
    sending.retry_at = parts_.clock.Now() + backoff_.Next();
    return Done{};
  }
  backoff_.Reset();
  if (sending.letters_sent < sending.letters.size()) {
    ++sending.letters_sent;
    Send();
    return Done{};
  }
  for (const auto& [stay, last] : sending.sections) parts_.tracker.Seal(stay, options_.shard, last);
  parts_.metrics.Published(sending.rows, sending.batch.size(), parts_.clock.Now() - sending.sent);
  sending_.reset();
  return Done{};
}

}  // namespace penstock::ingestor
