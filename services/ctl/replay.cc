#include "ctl/replay.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "base/backoff.h"
#include "base/format.h"
#include "base/text.h"
#include "base/wait.h"
#include "ctl/dead_letters.h"
#include "protocol/batch_codec.h"
#include "protocol/names.h"
#include "stage/shard_record_store.h"

namespace penstock::ctl {

namespace {

/// A letter's own copy of its record, for one that Kafka has deleted. It has no headers.
class CopiedRecord final : public io::RecordChunk {
 public:
  explicit CopiedRecord(const DeadLetter& letter)
      : letter_(letter),
        record_{.offset = letter.offset,
                .timestamp_ms = letter.timestamp_ms,
                .key = letter.key,
                .value = letter.original_message,
                .has_value = true} {}

  std::int32_t partition() const override { return letter_.origin.partition; }
  std::span<const io::Record> records() const override { return std::span(&record_, 1); }
  std::size_t bytes() const override { return record_.value.size(); }
  std::string HeadersJson(std::size_t) const override { return "{}"; }

 private:
  const DeadLetter& letter_;
  io::Record record_;
};

Origin ReplayOrigin(const DeadLetter& letter, std::uint32_t attempt) {
  Origin origin = letter.origin;
  origin.source_id =
      fmt::format("{}{}{}/{}", SourceOf(letter.origin), kReplayMark, attempt, letter.offset.rep());
  return origin;
}

/// Of an origin with one record; nullopt: the sink has not confirmed it.
std::optional<ReplayOutcome> OutcomeIn(const ShardRecord& record, const Origin& origin) {
  const auto found = record.progress.find(origin);
  if (found == record.progress.end()) return std::nullopt;
  const Account& account = found->second.account;
  if (account[Outcome::kRow] > 0) return ReplayOutcome::kInserted;
  if (account[Outcome::kDeadLetter] > 0) return ReplayOutcome::kRefused;
  if (account[Outcome::kFiltered] > 0) return ReplayOutcome::kFiltered;
  if (account[Outcome::kDuplicate] > 0) return ReplayOutcome::kDuplicate;
  return std::nullopt;
}

bool IsJoinedRow(const Origin& origin) {
  return origin.topic.empty() && origin.source_id == JoinOrigin(ShardId(0)).source_id;
}

}  // namespace

bool IsReplay(const Origin& origin) {
  return origin.source_id.find(kReplayMark) != std::string::npos;
}

// A row is joined with what is there when it comes; and what is taken in is told by its origin's
// offsets, which a record of its own would not continue.
Status CheckReplayable(const PipelineSpec& spec) {
  if (!spec.join) return Done{};
  return Error{Remedy::kStop, "replay",
               "letters of a pipeline with a join cannot be replayed: a joined row is no record of "
               "Kafka, and a record alone makes no row. Send the records to their topics again; "
               "`penstock dlq show` has them, and of a joined row its values"};
}

std::string_view ToText(ReplayOutcome outcome) {
  constexpr std::array<std::string_view, 8> kNames = {"inserted",      "was inserted before",
                                                      "filtered out",  "is a duplicate",
                                                      "refused again", "no row",
                                                      "gone",          "not confirmed yet"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

Replayer::Replayer(Options options, Parts parts, stage::RecordReader reader)
    : options_(std::move(options)), parts_(parts), reader_(std::move(reader)) {}

Result<std::vector<ReplayedLetter>> Replayer::Replay(const std::vector<DeadLetter>& letters,
                                                     std::stop_token stop) {
  sent_.clear();
  shards_.clear();
  std::vector<ReplayedLetter> results;
  std::map<std::string, std::size_t> first;
  std::vector<std::size_t> same;  // For each letter the result that it shares.
  for (const DeadLetter& letter : letters) {
    const auto [known, is_new] = first.emplace(PlaceOf(letter), results.size());
    same.push_back(known->second);
    ReplayedLetter& result = results.emplace_back();
    result.letter = &letter;
    if (!is_new) continue;
    PENSTOCK_RETURN_IF_ERROR(Send(letter, known->second, result));
  }
  PENSTOCK_RETURN_IF_ERROR(AwaitConfirmations(results, std::move(stop)));
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].outcome = results[same[i]].outcome;
    results[i].detail = results[same[i]].detail;
  }
  return results;
}

Status Replayer::Send(const DeadLetter& letter, std::size_t index, ReplayedLetter& result) {
  if (IsJoinedRow(letter.origin)) {
    result.outcome = ReplayOutcome::kNotARow;
    result.detail = "it was joined of several records: send those to their topics again";
    return Done{};
  }
  if (letter.origin.topic != options_.source.topic ||
      SourceOf(letter.origin) != options_.source.source_id) {
    result.outcome = ReplayOutcome::kNotARow;
    result.detail = fmt::format("the pipeline reads topic {} as source {} now",
                                options_.source.topic, options_.source.source_id);
    return Done{};
  }
  PENSTOCK_ASSIGN_OR_RETURN(const auto chunk, RecordOf(letter));
  if (chunk != nullptr) return SendRow(letter, *chunk, index, result);
  result.outcome = ReplayOutcome::kGone;
  result.detail = "Kafka has deleted the record; the letter has the row as it was then";
  return Done{};
}

// Null: it is nowhere any more. The ingestor's letters have the record's own bytes.
Result<std::unique_ptr<io::RecordChunk>> Replayer::RecordOf(const DeadLetter& letter) {
  PENSTOCK_ASSIGN_OR_RETURN(auto chunk,
                            parts_.records.Fetch(letter.origin.partition, letter.offset,
                                                 parts_.clock.Now() + options_.patience));
  if (chunk == nullptr && letter.component == "ingestor") {
    chunk = std::make_unique<CopiedRecord>(letter);
  }
  return chunk;
}

Status Replayer::SendRow(const DeadLetter& letter, const io::RecordChunk& chunk, std::size_t index,
                         ReplayedLetter& result) {
  const auto row = reader_.Read(chunk, 0);
  if (!row.ok()) {
    result.outcome = ReplayOutcome::kNotARow;
    result.detail = row.error().detail;
    return Done{};
  }
  const ShardId shard = row.value().shard;
  PENSTOCK_ASSIGN_OR_RETURN(Shard* const known, ShardOf(shard));
  const ShardRecord& record = known->record;
  std::uint32_t attempt = 1;
  // What ended otherwise before may become a row now.
  std::optional<ReplayOutcome> ended = OutcomeIn(record, ReplayOrigin(letter, attempt));
  while (ended && *ended != ReplayOutcome::kInserted) {
    ended = OutcomeIn(record, ReplayOrigin(letter, ++attempt));
  }
  if (ended) {
    result.outcome = ReplayOutcome::kWasInserted;
    return Done{};
  }
  const Origin origin = ReplayOrigin(letter, attempt);
  if (known->replays >= kMostInAShard) {
    return Error{Remedy::kStop, "replay",
                 fmt::format("shard {} has had {} letters replayed, which is the most that its "
                             "record holds; send the rest to the topic again",
                             shard.rep(), known->replays)};
  }
  Batch batch;
  batch.fingerprints = options_.plan.fingerprints;
  batch.shard = shard;
  batch.created_ms = parts_.clock.WallMs();
  Section& section = batch.sections.emplace_back();
  section.origin = origin;
  section.after = Before(letter.offset);
  section.committed = letter.offset;
  section.birth = record.birth;
  section.Add(letter.offset, Outcome::kRow);
  batch.timestamps_ms.push_back(chunk.records().front().timestamp_ms);
  std::size_t cell = 0;
  for (const PlannedField& field : options_.plan.fields) {
    if (!field.sent) continue;
    batch.columns.emplace_back(field.name, field.physical).Append(row.value().cells[cell++]);
  }
  PENSTOCK_RETURN_IF_ERROR(Publish(batch));
  sent_.push_back({.result = index, .shard = shard, .origin = origin});
  ++known->replays;
  return Done{};
}

// The same batch again after a time-out is of no effect: the sink takes the origin once.
Status Replayer::Publish(const Batch& batch) {
  std::string message;
  protocol::EncodeBatch(batch, options_.shards, Codec::kLz4, message);
  const auto subject = protocol::Subject(options_.pipeline_id, protocol::Hop::kIn, batch.shard);
  Backoff backoff;
  const Clock::Time deadline = parts_.clock.Now() + options_.patience;
  while (true) {
    const auto ack = parts_.publisher.PublishAndWait(
        {.subject = subject, .data = message, .expected_last = {}, .message_id = {}},
        options_.patience);
    if (ack.ok()) return Done{};
    if (ack.error().remedy != Remedy::kRetry || parts_.clock.Now() >= deadline) return ack.error();
    WaitUntil(parts_.clock.Now() + backoff.Next(), {});
  }
}

Status Replayer::AwaitConfirmations(std::vector<ReplayedLetter>& results, std::stop_token stop) {
  constexpr auto kBetweenLooks = std::chrono::milliseconds(200);
  const Clock::Time deadline = parts_.clock.Now() + options_.wait;
  while (!sent_.empty()) {
    std::map<ShardId, ShardRecord> records;
    for (const Sent& sent : sent_) {
      if (records.contains(sent.shard)) continue;
      PENSTOCK_ASSIGN_OR_RETURN(records[sent.shard], RecordOfShard(sent.shard));
    }
    std::erase_if(sent_, [&](const Sent& sent) {
      const auto outcome = OutcomeIn(records.at(sent.shard), sent.origin);
      if (outcome) results[sent.result].outcome = *outcome;
      return outcome.has_value();
    });
    if (sent_.empty() || parts_.clock.Now() >= deadline) break;
    if (!WaitUntil(parts_.clock.Now() + kBetweenLooks, stop)) break;
  }
  return Done{};
}

Result<Replayer::Shard*> Replayer::ShardOf(ShardId shard) {
  const auto known = shards_.find(shard);
  if (known != shards_.end()) return &known->second;
  Shard found;
  PENSTOCK_ASSIGN_OR_RETURN(found.record, RecordOfShard(shard));
  found.replays = static_cast<std::size_t>(std::ranges::count_if(
      found.record.progress, [](const auto& entry) { return IsReplay(entry.first); }));
  return &shards_.emplace(shard, std::move(found)).first->second;
}

Result<ShardRecord> Replayer::RecordOfShard(ShardId shard) {
  return stage::LoadOrCreateShardRecord(parts_.bucket, shard, parts_.clock);
}

}  // namespace penstock::ctl
