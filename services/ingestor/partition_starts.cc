#include "ingestor/partition_starts.h"

#include <utility>

#include "ingestor/record_mark.h"
#include "protocol/names.h"
#include "protocol/origin_record_codec.h"
#include "stage/known_position.h"
#include "telemetry/log.h"

namespace penstock::ingestor {

namespace {

constexpr auto kKafkaAnswer = std::chrono::seconds(5);

}  // namespace

PartitionStarts::PartitionStarts(Options options, Parts parts)
    : options_(std::move(options)), parts_(std::move(parts)) {}

Clock::Time PartitionStarts::Deadline() const {
  return parts_.clock.Now() + kKafkaAnswer;
}

Result<CommitTracker::Beginning> PartitionStarts::Begin(
    std::int32_t partition, const std::optional<io::CommittedOffset>& committed) {
  PENSTOCK_ASSIGN_OR_RETURN(const StartEvidence evidence, Gather(partition, committed));
  PENSTOCK_RETURN_IF_ERROR(WaitAboveEnd(partition, evidence));
  const StartDecision decision = Decide(evidence);
  CommitTracker::Beginning beginning;
  beginning.origin = {.source_id = options_.source_id,
                      .topic = options_.topic,
                      .partition = partition,
                      .generation = decision.mark.generation,
                      .incarnation = decision.mark.incarnation};
  if (decision.start) {
    beginning.committed = {*decision.start, decision.mark.before};
  } else {
    PENSTOCK_ASSIGN_OR_RETURN(beginning.committed.next, InitialStart(partition, evidence.marks));
  }
  beginning.read_from = beginning.committed.next;
  beginning.losses = parts_.tracker.losses();
  if (decision.commit) {
    const io::OffsetToCommit first{.partition = partition,
                                   .next = beginning.committed.next,
                                   .metadata = protocol::CommitMetadata(decision.mark)};
    PENSTOCK_RETURN_IF_ERROR(parts_.source.Commit(std::span(&first, 1), Deadline()));
  }
  OriginRecord record{.committed = beginning.committed.next,
                      .mark = decision.mark,
                      .published = beginning.committed.next,
                      .shards = {}};
  if (decision.may_resume) {
    PENSTOCK_ASSIGN_OR_RETURN(const bool hold, StreamsHold(beginning.origin, *evidence.known));
    if (hold) {
      record.published = beginning.read_from = evidence.known->published;
      record.shards = beginning.published = evidence.known->shards;
    }
  }
  PENSTOCK_RETURN_IF_ERROR(Write(partition, record));
  if (!decision.anew.empty()) {
    parts_.metrics.BeganAnew(partition, beginning.origin, decision.anew);
  }
  if (decision.expired > 0) {
    parts_.metrics.Expired(partition, static_cast<std::uint64_t>(decision.expired));
  }
  return beginning;
}

Result<StartEvidence> PartitionStarts::Gather(std::int32_t partition,
                                              const std::optional<io::CommittedOffset>& committed) {
  StartEvidence evidence;
  evidence.committed = committed;
  PENSTOCK_ASSIGN_OR_RETURN(evidence.marks, parts_.source.QueryWatermarks(partition, Deadline()));
  PENSTOCK_RETURN_IF_ERROR(ReadRecord(partition, evidence.known));
  const auto mark = MarkOfCommit(evidence);
  if (mark && mark->before) {
    PENSTOCK_ASSIGN_OR_RETURN(evidence.check, CheckMark(partition, *mark->before, evidence.marks));
  }
  return evidence;
}

// What cannot be read proves nothing: the commit's own metadata then decides.
Status PartitionStarts::ReadRecord(std::int32_t partition, std::optional<OriginRecord>& record) {
  const std::string key = protocol::OriginRecordKey(options_.source_id, partition);
  PENSTOCK_ASSIGN_OR_RETURN(const auto entry, parts_.bucket.Get(key));
  kept_[partition] = {.revision = entry ? entry->revision : 0, .record = {}};
  if (!entry) return Done{};
  auto read = protocol::DecodeOriginRecord(entry->value);
  if (read.ok()) {
    record = std::move(read).value();
  } else {
    Log(LogLevel::kError, "The partition's record cannot be read, and is written anew.",
        {{"key", key}, {"error", read.error().detail}});
  }
  return Done{};
}

Result<StartEvidence::Check> PartitionStarts::CheckMark(std::int32_t partition,
                                                        const RecordMark& mark,
                                                        const io::Watermarks& marks) {
  if (mark.offset < marks.low || mark.offset >= marks.high) return StartEvidence::Check::kNone;
  PENSTOCK_ASSIGN_OR_RETURN(const auto chunk, parts_.fetch(partition, mark.offset, Deadline()));
  if (chunk == nullptr || chunk->records().empty()) return StartEvidence::Check::kNone;
  return MarkOf(chunk->records().front()) == mark ? StartEvidence::Check::kSame
                                                  : StartEvidence::Check::kOther;
}

Status PartitionStarts::WaitAboveEnd(std::int32_t partition, const StartEvidence& evidence) {
  if (!evidence.committed || evidence.committed->next <= evidence.marks.high) {
    above_end_since_.erase(partition);
    return Done{};
  }
  const Clock::Time now = parts_.clock.Now();
  const Clock::Time since = above_end_since_.try_emplace(partition, now).first->second;
  if (now >= since + options_.above_end) return Done{};
  return Error{Remedy::kRetry, "topic_shorter",
               fmt::format("partition {} of topic {} ends at {}, but {} is committed; if that "
                           "lasts, the topic was made anew",
                           partition, options_.topic, evidence.marks.high.rep(),
                           evidence.committed->next.rep())};
}

Result<Offset> PartitionStarts::InitialStart(std::int32_t partition, const io::Watermarks& marks) {
  switch (options_.initial_offset.kind) {
    case InitialOffset::Kind::kEarliest:
      return marks.low;
    case InitialOffset::Kind::kLatest:
      return marks.high;
    case InitialOffset::Kind::kTimestamp:
      return parts_.source.OffsetAtTime(partition, options_.initial_offset.timestamp_ms,
                                        Deadline());
  }
  return marks.low;
}

Result<bool> PartitionStarts::IsKnown(const std::string& stream, const Position& position) {
  PENSTOCK_ASSIGN_OR_RETURN(const io::StreamState state, parts_.streams.State(stream));
  return stage::IsKnown(parts_.streams, stream, state, position);
}

// Whether all that was published, and that the sinks have not confirmed, is still on its way.
Result<bool> PartitionStarts::StreamsHold(const Origin& origin, const OriginRecord& record) {
  for (const PublishedInShard& published : record.shards) {
    if (published.shard.rep() >= options_.streams.size()) return false;
    if (parts_.tracker.Confirmed(origin, published.shard) >= published.last) continue;
    const std::string& stream = options_.streams[published.shard.rep()];
    const auto known = IsKnown(stream, published.position);
    if (!known.ok() && known.error().code == "not_found") return false;
    if (!known.ok()) return known.error();
    if (!known.value()) return false;
  }
  return true;
}

void PartitionStarts::Keep(std::int32_t partition) {
  const auto record = parts_.tracker.Record(partition);
  const auto kept = kept_.find(partition);
  if (!record || kept == kept_.end() || kept->second.record == record) return;
  if (const Status written = Write(partition, *record); !written.ok()) {
    parts_.metrics.RecordNotWritten(partition, written.error());
  }
}

Status PartitionStarts::Write(std::int32_t partition, const OriginRecord& record) {
  const std::string key = protocol::OriginRecordKey(options_.source_id, partition);
  const std::string value = protocol::EncodeOriginRecord(record);
  Kept& kept = kept_[partition];
  auto written = kept.revision == 0 ? parts_.bucket.Create(key, value)
                                    : parts_.bucket.Update(key, value, kept.revision);
  if (!written.ok()) {
    // An attempt of ours may have been applied although its answer was lost.
    PENSTOCK_ASSIGN_OR_RETURN(const auto entry, parts_.bucket.Get(key));
    if (!entry) {
      kept.revision = 0;
    } else if (entry->value == value) {
      written = entry->revision;
    }
  }
  if (written.ok()) {
    kept = {.revision = written.value(), .record = record};
    return Done{};
  }
  return Error{Remedy::kRetry, "record",
               fmt::format("the record of partition {} was not written: {}", partition,
                           written.error().detail)};
}

}  // namespace penstock::ingestor
