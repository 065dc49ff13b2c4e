#include "ingestor/shard_output.h"

#include <algorithm>
#include <utility>

#include "ingestor/record_mark.h"
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
constexpr auto kRoomWait = std::chrono::milliseconds(250);

Error NoRoom() {
  return Error{Remedy::kRetry, "full",
               "nine tenths of a stream in front of the join are rows, and the rest is for its "
               "clocks; where that lasts, the rows of its windows need more than "
               "resources.nats.stream.maxBytes gives them"};
}

}  // namespace

ShardOutput::ShardOutput(Options options, Parts parts, AnswerCallback on_answer, FindPartition find)
    : options_(std::move(options)),
      parts_(parts),
      on_answer_(std::move(on_answer)),
      find_(std::move(find)),
      open_(EmptyBatch()),
      raw_limit_(RawLimit()),
      letters_(options_.pipeline_id, parts.publisher.MaxPayload() / 2) {}

Batch ShardOutput::EmptyBatch() const {
  Batch batch;
  batch.fingerprints = options_.fingerprints;
  batch.shard = options_.shard;
  for (const PlannedField& field : options_.columns) {
    batch.columns.emplace_back(field.name, field.physical);
  }
  return batch;
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

Section& ShardOutput::SectionOf(PartitionStay& partition) {
  PartitionStay::InShard& in_shard = partition.shards[options_.shard.rep()];
  // Rows follow their sections in order, so only the last section can grow: a partition that
  // comes back after another gets a section more.
  if (in_shard.batch != batch_number_ || in_shard.section + 1 != open_.sections.size()) {
    in_shard.told = parts_.clock.Now();
    if (open_.sections.empty()) opened_ = in_shard.told;
    if (in_shard.batch == batch_number_) StampClock(in_shard.section);
    in_shard.batch = batch_number_;
    in_shard.section = open_.sections.size();
    Section& section = open_.sections.emplace_back();
    section.origin = partition.origin;
    section.after = in_shard.after;
    section.last = in_shard.after;
    section.committed = partition.start;
    open_stays_.push_back(partition.stay);
    StampClock(in_shard.section);
  }
  return open_.sections[in_shard.section];
}

void ShardOutput::Extend(PartitionStay& partition, Offset offset, std::int64_t timestamp_ms,
                         Outcome outcome) {
  PartitionStay::InShard& in_shard = partition.shards[options_.shard.rep()];
  if (in_shard.filled != batch_number_) {
    in_shard.filled = batch_number_;
    in_shard.sent = in_shard.after;
    in_shard.sent_clock_ms = partition.clock.NowMs(parts_.clock);
  }
  Section& section = SectionOf(partition);
  if (section.runs.empty()) {
    parts_.tracker.Open(partition.stay, options_.shard, offset, MarkBefore(partition));
  }
  section.Add(offset, outcome);
  in_shard.after = offset;
  partition.clock.Took(timestamp_ms);
}

void ShardOutput::AppendRow(PartitionStay& partition, Offset offset, std::int64_t timestamp_ms,
                            std::span<const Cell> cells, std::size_t bytes) {
  Extend(partition, offset, timestamp_ms, Outcome::kRow);
  open_.timestamps_ms.push_back(timestamp_ms);
  for (std::size_t i = 0; i < cells.size(); ++i) open_.columns[i].Append(cells[i]);
  raw_bytes_ += bytes;
}

void ShardOutput::AppendDeadLetter(PartitionStay& partition, DeadLetter letter) {
  Extend(partition, letter.offset, letter.timestamp_ms, Outcome::kDeadLetter);
  letters_.Add(std::move(letter));
}

bool ShardOutput::TellClocks(std::span<PartitionStay* const> partitions) {
  if (partitions.empty()) return true;
  if (WaitsForRoom()) return SendClocksAlone(partitions);
  for (PartitionStay* const partition : partitions) {
    if (partition->shards[options_.shard.rep()].batch == batch_number_) continue;
    if (!CanTake(0)) SendIfDue(true);
    if (!CanTake(0)) return false;
    SectionOf(*partition);
  }
  SendIfDue(true);
  return true;
}

// Beside the open batch, which stays: of what is in that, the clocks must not speak.
bool ShardOutput::SendClocksAlone(std::span<PartitionStay* const> partitions) {
  if (sending_) return false;
  Batch batch = EmptyBatch();
  batch.created_ms = parts_.clock.WallMs();
  for (PartitionStay* const partition :
       partitions.first(std::min(partitions.size(), kMostSections))) {
    PartitionStay::InShard& in_shard = partition->shards[options_.shard.rep()];
    const bool waits = in_shard.filled == batch_number_;
    Section& section = batch.sections.emplace_back();
    section.origin = partition->origin;
    section.after = section.last = waits ? in_shard.sent : in_shard.after;
    section.clock_ms = waits ? in_shard.sent_clock_ms : partition->clock.NowMs(parts_.clock);
    section.committed = partition->start;
    Stamp(section);
    in_shard.told = parts_.clock.Now();
  }
  sending_.emplace();
  protocol::EncodeBatch(batch, options_.shards, Codec::kLz4, sending_->batch);
  Send();
  return partitions.size() <= kMostSections;
}

// A batch with records waits where only the clocks' part of the stream is left.
bool ShardOutput::WaitsForRoom() const {
  if (parts_.room == nullptr || parts_.room->Has(options_.shard)) return false;
  return std::ranges::any_of(open_.sections,
                             [](const Section& section) { return !section.runs.empty(); });
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
  if (WaitsForRoom()) {
    if (now < next_look_) return;
    next_look_ = now + kRoomWait;
    parts_.metrics.PublishRefused(options_.shard, NoRoom());
    return;
  }
  Seal();
  Send();
}

Clock::Time ShardOutput::Deadline() const {
  if (sending_) return sending_->waiting ? Clock::Time::max() : sending_->retry_at;
  if (open_.sections.empty()) return Clock::Time::max();
  return std::max(opened_ + options_.max_delay, next_look_);
}

void ShardOutput::Stamp(Section& section) const {
  // The partition may have been taken away since: what was committed at its start stays true.
  section.committed =
      std::max(section.committed, parts_.tracker.LastCommitted(section.origin.partition));
  section.birth = parts_.sinks.Birth(options_.shard);
}

// Only the partition's last section of the batch: what the others say must not tell of the records
// that follow them.
void ShardOutput::StampClock(std::size_t section) {
  if (!options_.clocks) return;
  const PartitionStay* const partition = find_(open_stays_[section]);
  if (partition == nullptr) return;
  const PartitionStay::InShard& in_shard = partition->shards[options_.shard.rep()];
  if (in_shard.batch != batch_number_ || in_shard.section != section) return;
  open_.sections[section].clock_ms = partition->clock.NowMs(parts_.clock);
}

// Turns the open batch into the bytes that are sent, as often as it takes, and opens the next.
void ShardOutput::Seal() {
  Sending sealed;
  open_.created_ms = parts_.clock.WallMs();
  for (std::size_t i = 0; i < open_.sections.size(); ++i) {
    Section& section = open_.sections[i];
    Stamp(section);
    StampClock(i);
    if (!section.runs.empty()) sealed.sections.emplace_back(open_stays_[i], section.last);
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
  Acknowledged(answer.value());
  if (parts_.room != nullptr) parts_.room->Published(options_.shard, sending.batch.size());
  parts_.metrics.Published(sending.rows, sending.batch.size(), parts_.clock.Now() - sending.sent);
  sending_.reset();
  return Done{};
}

void ShardOutput::Acknowledged(const io::PublishAck& ack) {
  if (ack.seq <= acknowledged_) parts_.tracker.Lose(options_.shard, LossReason::kStream);
  acknowledged_ = ack.seq;
  Position position{.created_ns = 0, .seq = ack.seq, .digest = protocol::DigestOf(sending_->batch)};
  if (parts_.watch != nullptr) {
    parts_.watch->Acknowledged(options_.shard, ack.seq);
    position.created_ns = parts_.watch->CreatedNs(options_.shard);
  }
  for (const auto& [stay, last] : sending_->sections) {
    parts_.tracker.Seal(stay, options_.shard, last, position);
  }
}

}  // namespace penstock::ingestor
