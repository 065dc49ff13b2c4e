#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/findings.h"
#include "ctl/ledger.h"
#include "ctl/topics.h"
#include "io/record_fetcher.h"
#include "model/origin_record.h"
#include "model/pipeline_spec.h"
#include "model/plan.h"

namespace penstock::ctl {

/// What Kafka says of a partition: the group's commit before the accounts were read, so that they
/// have all that it stands for, and the ends after.
struct KafkaPartition {
  std::optional<io::CommittedOffset> committed{};
  io::Watermarks marks{};
};

/// The account of one origin against Kafka's offsets. Offsets are counted once, in the first of
/// these that fits: in the account, without a record, missing, deleted.
struct OriginSum {
  Origin origin;
  Offset from;  ///< Its first offset,
  Offset to;    ///< and behind the last one that may have an outcome.
  Account account{};
  std::int64_t without_record = 0;  ///< Compacted away, of an aborted transaction, a marker of one.
  std::int64_t missing = 0;         ///< Kafka has the record, and no account does.
  std::int64_t deleted = 0;  ///< In no account, and Kafka has nothing there any more to compare.
  std::int64_t surplus = 0;  ///< Outcomes for which there is no offset.
  /// Not one offset of what Kafka still holds was without a record, so that those deleted had one.
  bool gapless = false;
};

struct PartitionSum {
  PartitionPlace place;
  KafkaPartition kafka;
  std::vector<OriginSum> origins{};  ///< The oldest first.
  Account replayed{};
  std::int64_t not_done = 0;     ///< Offsets up to Kafka's end that nothing has become of yet.
  std::uint32_t generation = 1;  ///< Of what Kafka has now.
  /// Every record below is in ClickHouse or accounted for, by the group's commit. 0: that is of no
  /// origin that has an account.
  Offset settled{0};
};

/// The rows that the join of a shard has made: its own steps instead of Kafka's offsets.
struct JoinedSum {
  ShardId shard;
  Account account;
  std::int64_t steps = 0;
};

struct Verification {
  std::int64_t as_of_ms = 0;
  Ledger ledger;
  std::vector<PartitionSum> partitions;
  std::vector<JoinedSum> joined;
};

/// Adds up the accounts of a pipeline's shards against Kafka's offsets. Where an account has fewer
/// outcomes than there are offsets, the partition's records are read to see which offsets have one;
/// memory stays bounded.
class Verifier {
 public:
  struct Options {
    const PipelineSpec& spec;
    const PipelinePlan& plan;
    Clock::Duration patience{};  ///< For one answer.
  };
  struct Parts {
    io::KeyValue& bucket;
    std::vector<SourceParts> sources;  ///< As in the document.
    const Clock& clock;
  };

  Verifier(Options options, Parts parts) : options_(options), parts_(std::move(parts)) {}

  /// Fails when Kafka or NATS does not answer, or a record cannot be read.
  Result<Verification> Run(std::stop_token stop);

 private:
  using Committed = std::vector<std::optional<io::CommittedOffset>>;

  Result<Committed> CommittedOf(std::size_t source);
  Status SumSource(std::size_t source, const Committed& committed, Verification& result,
                   const std::stop_token& stop);
  Result<std::optional<CommitMark>> MarkOf(const PartitionPlace& place,
                                           const io::CommittedOffset& committed);
  Result<PartitionSum> SumPartition(std::size_t source, PartitionPlace place, KafkaPartition kafka,
                                    const PartitionLedger& ledger, const std::stop_token& stop);
  Result<OriginSum> SumOrigin(std::size_t source, const OriginLedger& ledger, Offset settled,
                              const std::optional<io::Watermarks>& marks,
                              const std::stop_token& stop);

  const Options options_;
  const Parts parts_;
};

/// Tells the runs [from, to) of offsets of `range` that have no record in Kafka.
Status ScanAbsent(io::RecordFetcher& records, const io::OffsetRange& range,
                  Clock::Duration patience, const std::stop_token& stop,
                  const std::function<void(Offset from, Offset to)>& on_run);

/// What of it needs a sentence: faults for what is missing or counted twice.
void Judge(const Verification& verification, Findings& findings);

}  // namespace penstock::ctl
