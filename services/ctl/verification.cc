#include "ctl/verification.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "ctl/coverage.h"
#include "protocol/names.h"
#include "protocol/origin_record_codec.h"

namespace penstock::ctl {

namespace {

std::int64_t Total(const Account& account) {
  return static_cast<std::int64_t>(
      std::accumulate(account.records.begin(), account.records.end(), std::uint64_t{0}));
}

}  // namespace

Status ScanAbsent(io::RecordFetcher& records, const io::OffsetRange& range,
                  Clock::Duration patience, const std::stop_token& stop,
                  const std::function<void(Offset, Offset)>& on_run) {
  Offset next = range.from;
  PENSTOCK_RETURN_IF_ERROR(records.Scan(range, patience, stop, [&](Offset offset) {
    if (next < offset) on_run(next, offset);
    next = Next(offset);
  }));
  if (next < range.to) on_run(next, range.to);
  return Done{};
}

// First the commits, then the records, then the ends: whatever goes on meanwhile, the accounts have
// all that the commits stand for, and nothing beyond the ends.
Result<Verification> Verifier::Run(std::stop_token stop) {
  Verification result;
  std::vector<Committed> committed;
  for (std::size_t source = 0; source < parts_.sources.size(); ++source) {
    PENSTOCK_ASSIGN_OR_RETURN(committed.emplace_back(), CommittedOf(source));
  }
  PENSTOCK_ASSIGN_OR_RETURN(result.ledger,
                            ReadLedger(parts_.bucket, options_.spec.resources.shards));
  result.as_of_ms = parts_.clock.WallMs();
  for (std::size_t source = 0; source < parts_.sources.size(); ++source) {
    PENSTOCK_RETURN_IF_ERROR(SumSource(source, committed[source], result, stop));
  }
  for (const auto& [shard, steps] : result.ledger.joined) {
    const Offset first = steps.first.value_or(Offset(0));
    result.joined.push_back({.shard = shard,
                             .account = steps.account,
                             .steps = steps.confirmed.rep() + 1 - first.rep()});
  }
  return result;
}

Result<Verifier::Committed> Verifier::CommittedOf(std::size_t source) {
  const SourceParts& parts = parts_.sources[source];
  PENSTOCK_ASSIGN_OR_RETURN(const std::int32_t count,
                            parts.records.PartitionCount(parts_.clock.Now() + options_.patience));
  std::vector<std::int32_t> partitions(static_cast<std::size_t>(count));
  std::iota(partitions.begin(), partitions.end(), 0);
  return parts.group.Committed(partitions, parts_.clock.Now() + options_.patience);
}

Status Verifier::SumSource(std::size_t source, const Committed& committed, Verification& result,
                           const std::stop_token& stop) {
  const SourceSpec& spec = options_.spec.sources[source];
  for (std::size_t i = 0; i < committed.size(); ++i) {
    PartitionPlace place{.source_id = spec.source_id,
                         .topic = spec.topic,
                         .partition = static_cast<std::int32_t>(i)};
    KafkaPartition kafka{.committed = committed[i], .marks = {}};
    PENSTOCK_ASSIGN_OR_RETURN(kafka.marks,
                              parts_.sources[source].records.QueryWatermarks(
                                  place.partition, parts_.clock.Now() + options_.patience));
    const auto known = result.ledger.partitions.find(place);
    static const PartitionLedger kNothing;
    PENSTOCK_ASSIGN_OR_RETURN(
        PartitionSum sum,
        SumPartition(source, std::move(place), std::move(kafka),
                     known == result.ledger.partitions.end() ? kNothing : known->second, stop));
    result.partitions.push_back(std::move(sum));
  }
  return Done{};
}

// The generation and incarnation that the commit is of: by its metadata, or by the ingestor's copy
// of it. Empty: it was set by hand, and no ingestor has taken it up yet.
Result<std::optional<CommitMark>> Verifier::MarkOf(const PartitionPlace& place,
                                                   const io::CommittedOffset& committed) {
  if (auto mark = protocol::ParseCommitMetadata(committed.metadata)) return mark;
  PENSTOCK_ASSIGN_OR_RETURN(const auto entry, parts_.bucket.Get(protocol::OriginRecordKey(
                                                  place.source_id, place.partition)));
  if (!entry) return std::optional<CommitMark>();
  PENSTOCK_ASSIGN_OR_RETURN(const OriginRecord record, protocol::DecodeOriginRecord(entry->value));
  const bool ours = record.committed == committed.next;
  return ours ? std::optional(record.mark) : std::nullopt;
}

Result<PartitionSum> Verifier::SumPartition(std::size_t source, PartitionPlace place,
                                            KafkaPartition kafka, const PartitionLedger& ledger,
                                            const std::stop_token& stop) {
  PartitionSum sum{.place = std::move(place), .kafka = std::move(kafka)};
  sum.replayed = ledger.replayed;
  const std::optional<io::CommittedOffset>& committed = sum.kafka.committed;
  std::optional<CommitMark> mark;
  if (committed) {
    PENSTOCK_ASSIGN_OR_RETURN(mark, MarkOf(sum.place, *committed));
  }
  if (mark) {
    sum.generation = mark->generation;
  } else if (!ledger.origins.empty()) {
    sum.generation = ledger.origins.back().origin.generation;
  }
  Offset begin = committed ? committed->next : sum.kafka.marks.low;
  std::int64_t done = 0;
  for (const OriginLedger& origin : ledger.origins) {
    const bool current = mark && mark->generation == origin.origin.generation &&
                         mark->incarnation == origin.origin.incarnation;
    if (current) sum.settled = committed->next;
    const bool in_kafka = origin.origin.generation == sum.generation;
    PENSTOCK_ASSIGN_OR_RETURN(
        OriginSum one, SumOrigin(source, origin, current ? committed->next : Offset(0),
                                 in_kafka ? std::optional(sum.kafka.marks) : std::nullopt, stop));
    if (current) {
      begin = one.from;
      done = Total(one.account) + one.without_record + one.missing + one.deleted;
    }
    sum.origins.push_back(std::move(one));
  }
  sum.not_done = std::max<std::int64_t>(sum.kafka.marks.high.rep() - begin.rep() - done, 0);
  return sum;
}

// `marks` are empty where Kafka has other records now.
Result<OriginSum> Verifier::SumOrigin(std::size_t source, const OriginLedger& ledger,
                                      Offset settled, const std::optional<io::Watermarks>& marks,
                                      const std::stop_token& stop) {
  const Coverage coverage(ledger,
                          {.shards = options_.spec.resources.shards,
                           .routed_by_place = options_.plan.sources[source].route_key.empty(),
                           .settled = settled});
  OriginSum sum{.origin = ledger.origin,
                .from = coverage.from(),
                .to = coverage.to(),
                .account = ledger.account};
  const Coverage::Count covered = coverage.In(sum.from, sum.to);
  const std::int64_t done = Total(ledger.account);
  sum.surplus = std::max<std::int64_t>(done - covered.most, 0);
  const std::int64_t open = covered.least - done;
  if (open <= 0) return sum;
  if (!marks) {
    sum.deleted = open;
    return sum;
  }
  const Offset held = std::clamp(marks->low, sum.from, sum.to);
  std::int64_t absent = 0;
  PENSTOCK_RETURN_IF_ERROR(ScanAbsent(
      parts_.sources[source].records,
      {.partition = ledger.origin.partition, .from = held, .to = sum.to}, options_.patience, stop,
      [&](Offset from, Offset to) { absent += coverage.In(from, to).least; }));
  sum.gapless = absent == 0 && held < sum.to;
  sum.without_record = std::min(absent, open);
  sum.deleted = std::min(open - sum.without_record, coverage.In(sum.from, held).least);
  sum.missing = open - sum.without_record - sum.deleted;
  return sum;
}

// --- What it means -------------------------------------------------------------------------

namespace {

std::string_view Are(std::int64_t count) {
  return count == 1 ? "is" : "are";
}

void JudgeOrigin(const PartitionSum& partition, const OriginSum& sum, const std::string& about,
                 Findings& findings) {
  if (sum.missing > 0) {
    findings.Fault(about,
                   fmt::format("{} of the records from offset {} to {} {} missing: Kafka "
                               "has them, and no account says what became of them",
                               sum.missing, sum.from.rep(), sum.to.rep() - 1, Are(sum.missing)));
  }
  if (sum.surplus > 0) {
    findings.Fault(about,
                   fmt::format("{} {} counted twice: the account has more records than there are "
                               "offsets from {} to {}",
                               sum.surplus, Are(sum.surplus), sum.from.rep(), sum.to.rep() - 1));
  }
  if (sum.deleted == 0) return;
  if (sum.origin.generation != partition.generation) {
    return findings.Warn(
        about, fmt::format("{} offsets of the topic as it was before it was made anew are in no "
                           "account, and whether they had records cannot be found out any more",
                           sum.deleted));
  }
  if (sum.gapless) {
    return findings.Fault(
        about, fmt::format("{} of the offsets below {} {} missing: Kafka has deleted them, and no "
                           "account says what became of them",
                           sum.deleted, partition.kafka.marks.low.rep(), Are(sum.deleted)));
  }
  findings.Warn(about,
                fmt::format("{} of the offsets below {} are in no account; Kafka has deleted them, "
                            "and whether they had records cannot be found out any more",
                            sum.deleted, partition.kafka.marks.low.rep()));
}

void JudgePartition(const PartitionSum& sum, Findings& findings) {
  const std::string about = fmt::format("{}/{}", sum.place.topic, sum.place.partition);
  const auto& committed = sum.kafka.committed;
  if (committed && committed->next > sum.kafka.marks.high) {
    findings.Fault(about, fmt::format("the group's commit {} lies behind Kafka's end {}: the topic "
                                      "was made anew, or has lost records",
                                      committed->next.rep(), sum.kafka.marks.high.rep()));
  }
  if (committed && committed->next < sum.kafka.marks.low) {
    findings.Fault(about, fmt::format("Kafka has deleted the records from {} to {} before they "
                                      "were in ClickHouse",
                                      committed->next.rep(), sum.kafka.marks.low.rep() - 1));
  }
  for (const OriginSum& origin : sum.origins) JudgeOrigin(sum, origin, about, findings);
}

void JudgeUnknownStart(const Ledger& ledger, Findings& findings) {
  for (const auto& [place, partition] : ledger.partitions) {
    for (const OriginLedger& origin : partition.origins) {
      if (origin.first) continue;
      findings.Warn(fmt::format("{}/{}", place.topic, place.partition),
                    "the account was begun by an earlier version, which did not note where: what "
                    "is missing from it cannot be told, --table may");
    }
  }
}

}  // namespace

void Judge(const Verification& verification, Findings& findings) {
  for (const PartitionSum& sum : verification.partitions) JudgePartition(sum, findings);
  JudgeUnknownStart(verification.ledger, findings);
  for (const JoinedSum& sum : verification.joined) {
    const std::int64_t off = Total(sum.account) - sum.steps;
    if (off == 0) continue;
    findings.Fault(fmt::format("join/{}", sum.shard.rep()),
                   fmt::format("of {} joined rows {} {} {}", sum.steps, std::abs(off),
                               Are(std::abs(off)), off < 0 ? "missing" : "counted twice"));
  }
}

}  // namespace penstock::ctl
