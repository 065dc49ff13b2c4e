#include "sink/sink_metrics.h"

#include <algorithm>
#include <utility>

namespace penstock::sink {

namespace {

double Seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::size_t IndexOf(PauseReason reason) {
  return static_cast<std::size_t>(reason);
}

bool NeedsSomebody(PauseReason reason) {
  return reason == PauseReason::kSchema || reason == PauseReason::kAccess ||
         reason == PauseReason::kCapacity;
}

}  // namespace

PauseReason ReasonOf(clickhouse::ErrorClass error_class) {
  switch (error_class) {
    case clickhouse::ErrorClass::kPressure:
    case clickhouse::ErrorClass::kSplit:
      return PauseReason::kPressure;
    case clickhouse::ErrorClass::kCapacity:
      return PauseReason::kCapacity;
    case clickhouse::ErrorClass::kSchema:
      return PauseReason::kSchema;
    case clickhouse::ErrorClass::kAccess:
      return PauseReason::kAccess;
    default:
      return PauseReason::kTransient;
  }
}

SinkMetrics::SinkMetrics(Metrics& metrics, const Clock& clock)
    : clock_(clock),
      rows_in_(metrics.AddCounter("penstock_sink_rows_in_total",
                                  "Records of the messages read, whatever became of them before.")),
      bytes_in_(metrics.AddCounter("penstock_sink_bytes_in_total", "Bytes of the messages read.")),
      rows_out_(metrics.AddCounter("penstock_sink_rows_out_total",
                                   "Rows that ClickHouse has and the shard's record says so.")),
      filtered_(metrics.AddCounter("penstock_sink_rows_filtered_total",
                                   "Records that an earlier stage filtered out.")),
      duplicate_(metrics.AddCounter("penstock_sink_rows_duplicate_total",
                                    "Records that an earlier stage found to be duplicates.")),
      dead_lettered_before_(metrics.AddCounter("penstock_sink_rows_dead_lettered_before_total",
                                               "Records that an earlier stage made dead letters.")),
      replayed_(metrics.AddCounter("penstock_sink_rows_replayed_total",
                                   "Records seen again after a restart; of no effect.")),
      let_go_(metrics.AddCounter("penstock_sink_rows_let_go_total",
                                 "Records read and left to the next owner of their shard.")),
      dead_lettered_(metrics, "penstock_sink_rows_dead_lettered_total",
                     "Rows that this stage made dead letters."),
      in_flight_(
          metrics.AddGauge("penstock_sink_rows_in_flight", "Records read and not yet confirmed.")),
      insert_seconds_(metrics.AddHistogram("penstock_sink_insert_seconds",
                                           "From sending an insert to its answer.",
                                           SecondsBuckets())),
      block_rows_(
          metrics.AddHistogram("penstock_sink_block_rows", "Rows of an insert.", RowsBuckets())),
      block_bytes_(metrics.AddHistogram("penstock_sink_block_bytes",
                                        "Bytes of an insert before compression.", BytesBuckets())),
      inserts_ok_(metrics.AddCounter("penstock_sink_inserts_total", "Attempts to insert a block.",
                                     {{"result", "ok"}})),
      inserts_failed_(metrics.AddCounter("penstock_sink_inserts_total",
                                         "Attempts to insert a block.", {{"result", "failed"}})),
      splits_by_rows_(metrics.AddCounter("penstock_sink_splits_total",
                                         "Blocks, or pieces of them, that were split.",
                                         {{"kind", "rows"}})),
      splits_by_partitions_(metrics.AddCounter("penstock_sink_splits_total",
                                               "Blocks, or pieces of them, that were split.",
                                               {{"kind", "partitions"}})),
      possible_repeats_(metrics.AddCounter(
          "penstock_sink_possible_repeats_total",
          "Rows, at most, sent again under another token although an attempt had no answer.")),
      rows_lost_(metrics.AddCounter("penstock_sink_rows_lost_by_server_total",
                                    "Rows that ClickHouse had the token of but not the rows, after "
                                    "it was killed in the middle "
                                    "of an insert: they are sent again.")),
      intents_given_up_(metrics.AddCounter(
          "penstock_sink_intents_given_up_total",
          "Inserts without an answer whose rows the stream has lost: they come again from Kafka.")),
      block_scale_(metrics.AddGauge("penstock_sink_block_scale",
                                    "Size of blocks against what the document says: above 1 when "
                                    "the server has too many parts, below when it lacks memory.")),
      workers_busy_(metrics.AddGauge("penstock_sink_workers_busy",
                                     "Threads of the pool that have a block in hand.")),
      exactly_once_(metrics.AddGauge(
          "penstock_sink_dedup_window_ok",
          "1: the table drops a repeated insert; 0: it does not, and a crash may repeat rows.")),
      parts_per_second_(metrics.AddGauge("penstock_sink_parts_per_second",
                                         "Parts that inserts make in the table, of all who write "
                                         "into it: blocks times partitions.")),
      window_seconds_(metrics.AddGauge("penstock_sink_dedup_window_seconds",
                                       "How long the table remembers an insert at this pace.")),
      end_to_end_(metrics.AddHistogram("penstock_end_to_end_seconds",
                                       "From a row's Kafka timestamp to its confirmed insert.",
                                       SecondsBuckets())),
      refused_sections_(metrics.AddCounter("penstock_sections_refused_total",
                                           "Sections left out since rows before them are missing; "
                                           "theirs come again from Kafka.")),
      read_failures_(metrics.AddCounter("penstock_stream_read_failures_total",
                                        "Failed reads of a stream; each is tried again.")) {
  for (std::size_t i = 0; i < kPauseReasons; ++i) {
    const MetricLabels label{{"reason", std::string(ToText(static_cast<PauseReason>(i)))}};
    paused_[i] =
        metrics.AddGauge("penstock_sink_paused",
                         "1: inserts wait, for this reason; they resume by themselves.", label);
  }
  for (std::size_t i = 0; i < clickhouse::kErrorClasses; ++i) {
    retries_[i] = metrics.AddCounter(
        "penstock_sink_retries_total", "Attempts that failed, by the class of their error.",
        {{"class", std::string(ToText(static_cast<clickhouse::ErrorClass>(i)))}});
  }
  block_scale_.Set(1);
  account_ = metrics.OnScrape([this] {
    double left = rows_in_.value() - rows_out_.value() - filtered_.value() - duplicate_.value() -
                  dead_lettered_before_.value() - replayed_.value() - dead_lettered_.total() -
                  let_go_.value();
    in_flight_.Set(std::max(0.0, left));
  });
}

std::uint64_t SinkMetrics::Read(const HeldMessage& message) {
  std::uint64_t records = 0;
  for (const Section& section : message.envelope.sections) {
    for (const RecordRun& run : section.runs) records += run.count;
  }
  rows_in_.Add(records);
  bytes_in_.Add(message.data.size());
  return records;
}

void SinkMetrics::ReadFailed(ShardId shard, const Error& error) {
  read_failures_.Add();
  read_log_.LogFor(error.code, LogLevel::kWarn, "A shard's stream cannot be read at the moment.",
                   {{"shard", shard}, {"error", error.detail}});
}

void SinkMetrics::Replayed(std::uint64_t records) {
  replayed_.Add(records);
}

void SinkMetrics::LetGo(std::uint64_t records) {
  let_go_.Add(records);
}

void SinkMetrics::DeadLettered(const std::vector<DeadLetter>& letters) {
  dead_lettered_.CountAndLog(letters);
}

void SinkMetrics::Inserted(const PreparedBlock& block, Clock::Duration took) {
  inserts_ok_.Add();
  insert_seconds_.Observe(Seconds(took));
  block_rows_.Observe(static_cast<double>(block.rows));
  block_bytes_.Observe(static_cast<double>(block.raw_bytes));
}

void SinkMetrics::Latency(const PreparedBlock& block) {
  const std::int64_t now = clock_.WallMs();
  Tally tally(SecondsBuckets());
  for (const std::int64_t timestamp : block.sampled_timestamps_ms) {
    tally.Add(static_cast<double>(std::max<std::int64_t>(0, now - timestamp)) / 1000,
              block.sample_weight);
  }
  end_to_end_.Observe(tally);
}

void SinkMetrics::Confirmed(const Block& block) {
  std::uint64_t rows = 0;
  for (const auto& [origin, account] : block.accounts) {
    rows += account[Outcome::kRow];
    filtered_.Add(account[Outcome::kFiltered]);
    duplicate_.Add(account[Outcome::kDuplicate]);
    dead_lettered_before_.Add(account[Outcome::kDeadLetter]);
  }
  rows_out_.Add(rows - block.intent.given_up.size());
}

void SinkMetrics::InsertFailed(const TableTrouble& trouble) {
  inserts_failed_.Add();
  Refused(trouble);
}

void SinkMetrics::Refused(const TableTrouble& trouble) {
  retries_[static_cast<std::size_t>(trouble.error_class)].Add();
}

void SinkMetrics::SplitBlock(SplitKind kind) {
  (kind == SplitKind::kRows ? splits_by_rows_ : splits_by_partitions_).Add();
}

void SinkMetrics::PartitionsUnknown(const TableTrouble& trouble) {
  log_.LogFor("partitions_unknown", LogLevel::kWarn,
              "A block with too many partitions is halved by rows: the server could not say which "
              "partitions they belong to.",
              {{"error", trouble.message}});
}

void SinkMetrics::PossibleRepeats(std::size_t rows) {
  possible_repeats_.Add(rows);
  log_.LogFor("possible_repeats", LogLevel::kWarn,
              "Rows are sent again in smaller blocks although an answer is missing: they may be in "
              "the table twice.",
              {{"rows", rows}});
}

void SinkMetrics::RowsLost(std::size_t rows) {
  rows_lost_.Add(rows);
  Log(LogLevel::kWarn,
      "ClickHouse was killed in the middle of an insert: it has the token, not the rows. They are "
      "sent again under other tokens.",
      {{"rows", rows}});
}

void SinkMetrics::LossUnknown(const TableTrouble& trouble) {
  log_.LogFor("loss_unknown", LogLevel::kWarn,
              "ClickHouse was restarted while an insert had no answer, and whether it has the rows "
              "cannot be found out: it says that it has.",
              {{"error", trouble.message}});
}

void SinkMetrics::BlockScale(double scale) {
  block_scale_.Set(scale);
}

void SinkMetrics::Waiting::For(const TableTrouble& trouble) {
  const PauseReason reason = ReasonOf(trouble.error_class);
  Count(reason);
  const bool repair = NeedsSomebody(reason);
  owner_.log_.LogFor(
      ToText(reason), repair ? LogLevel::kError : LogLevel::kWarn,
      repair ? "Inserts are paused until somebody acts; nothing is lost meanwhile."
             : "An insert did not go through: it is repeated.",
      {{"reason", ToText(reason)}, {"code", trouble.code}, {"error", trouble.message}});
}

void SinkMetrics::Waiting::ForRows(const TableTrouble& last, Clock::Duration wait) {
  Count(PauseReason::kRows);
  owner_.log_.LogFor(
      ToText(PauseReason::kRows), LogLevel::kWarn,
      "ClickHouse refuses many rows, each of which is looked for with inserts of its own: they are "
      "slowed down so as not to flood it. Stop the pipeline if the table or the document is wrong; "
      "what is not inserted yet is not lost.",
      {{"wait_ms", wait / std::chrono::milliseconds(1)},
       {"code", last.code},
       {"error", last.message}});
}

void SinkMetrics::Waiting::Count(PauseReason reason) {
  if (reason_ == reason) return;
  End();
  reason_ = reason;
  owner_.CountWaiting(reason, 1);
}

void SinkMetrics::Waiting::End() {
  if (!reason_) return;
  owner_.CountWaiting(*reason_, -1);
  reason_.reset();
}

void SinkMetrics::CountWaiting(PauseReason reason, int change) {
  std::lock_guard lock(mutex_);
  int& count = waiting_[IndexOf(reason)];
  count += change;
  paused_[IndexOf(reason)].Set(count > 0);
  if (change > 0 || count > 0) return;
  const bool free = std::ranges::all_of(waiting_, [](int blocks) { return blocks == 0; });
  if (free) log_.LogFor("free", LogLevel::kInfo, "Inserts go through again.");
}

void SinkMetrics::SectionRefused(ShardId shard, const Error& error) {
  refused_sections_.Add();
  log_.LogFor("section_refused", LogLevel::kWarn,
              "Rows are left out until they come again from Kafka, since others before them are "
              "missing in the stream.",
              {{"shard", shard}, {"error", error.detail}});
}

void SinkMetrics::IntentGivenUp(ShardId shard, const Intent& intent) {
  std::uint64_t offsets = 0;
  for (const IntentRange& range : intent.ranges) {
    offsets += static_cast<std::uint64_t>(range.hi.rep() - range.lo.rep());
  }
  intents_given_up_.Add();
  possible_repeats_.Add(offsets);
  Log(LogLevel::kWarn,
      "An insert without an answer cannot be sent again, since the stream has lost its rows; they "
      "come again from Kafka. If it did go through, they are in the table twice.",
      {{"shard", shard}, {"token", intent.token}, {"rows_at_most", offsets}});
}

void SinkMetrics::Guarantee(bool exactly_once) {
  exactly_once_.Set(exactly_once);
}

void SinkMetrics::Pace(double parts_per_second, const clickhouse::TokenMemory& memory) {
  parts_per_second_.Set(parts_per_second);
  window_seconds_.Set(memory.seconds);
  const bool said = std::exchange(window_enough_, memory.enough) == memory.enough;
  if (said) return;
  if (memory.enough) return Log(LogLevel::kInfo, "The table remembers inserts for an hour again.");
  Log(LogLevel::kWarn, memory.sentence, {{"remedy", memory.alter}});
}

}  // namespace penstock::sink
