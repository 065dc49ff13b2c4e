#include "ingestor/ingestor_metrics.h"

namespace penstock::ingestor {

namespace {

double Seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

IngestorMetrics::IngestorMetrics(Metrics& metrics, const std::string& source_id,
                                 const std::string& topic)
    : metrics_(metrics),
      source_{{"source", source_id}},
      topic_(topic),
      rows_in_(metrics.AddCounter("penstock_ingestor_rows_in_total", "Records read from Kafka.",
                                  source_)),
      bytes_in_(metrics.AddCounter("penstock_ingestor_bytes_in_total",
                                   "Bytes of the records read from Kafka.", source_)),
      rows_out_(metrics.AddCounter("penstock_ingestor_rows_out_total",
                                   "Rows that JetStream has acknowledged.", source_)),
      batches_out_(metrics.AddCounter("penstock_ingestor_batches_out_total",
                                      "Batches that JetStream has acknowledged.", source_)),
      bytes_out_(metrics.AddCounter("penstock_ingestor_bytes_out_total",
                                    "Bytes of the acknowledged batches, compressed.", source_)),
      dead_lettered_(metrics, "penstock_ingestor_rows_dead_lettered_total",
                     "Records that became dead letters.", source_),
      publish_seconds_(metrics.AddHistogram("penstock_ingestor_publish_seconds",
                                            "From sending a batch to its acknowledgement.",
                                            SecondsBuckets(), source_)),
      refused_full_(metrics.AddCounter("penstock_ingestor_publish_refused_total",
                                       "Batches that JetStream did not take; each is sent again.",
                                       {source_.front(), {"reason", "full"}})),
      refused_other_(metrics.AddCounter("penstock_ingestor_publish_refused_total",
                                        "Batches that JetStream did not take; each is sent again.",
                                        {source_.front(), {"reason", "unavailable"}})),
      rebalances_(metrics.AddCounter("penstock_kafka_rebalances_total",
                                     "Partitions given to or taken from this process.", source_)),
      commits_(metrics.AddCounter("penstock_kafka_commits_total", "Acknowledged offset commits.",
                                  source_)),
      commits_refused_(metrics.AddCounter("penstock_kafka_commits_refused_total",
                                          "Offset commits that failed.", source_)),
      expired_(metrics.AddCounter("penstock_kafka_records_expired_total",
                                  "Records that Kafka deleted before they were read.", source_)),
      began_anew_(metrics.AddCounter("penstock_kafka_partitions_begun_anew_total",
                                     "Partitions whose offsets were reset by hand or whose topic "
                                     "was made anew: they begin as another origin.",
                                     source_)),
      returned_(metrics.AddCounter("penstock_ingestor_rows_returned_total",
                                   "Records read and left to the partition's next owner.",
                                   source_)),
      backpressure_seconds_(metrics.AddCounter("penstock_ingestor_backpressure_seconds_total",
                                               "Time with records at hand and no room downstream.",
                                               source_)),
      paused_partitions_(metrics.AddGauge("penstock_kafka_paused_partitions",
                                          "Partitions not read since the stages behind are full.",
                                          source_)),
      assigned_partitions_(metrics.AddGauge("penstock_kafka_assigned_partitions",
                                            "Partitions that this process reads.", source_)),
      in_flight_(metrics.AddGauge("penstock_ingestor_rows_in_flight",
                                  "Records read and not yet acknowledged by JetStream.", source_)) {
  for (std::size_t i = 0; i < kLossReasons; ++i) {
    gone_back_[i] = metrics.AddCounter(
        "penstock_ingestor_gone_back_total",
        "Times that a partition was read again from its committed offset, since rows were lost on "
        "the way.",
        {source_.front(), {"reason", std::string(ToText(static_cast<LossReason>(i)))}});
  }
  account_ = metrics.OnScrape([this] {
    double left = rows_in_.value() - rows_out_.value() - returned_.value() - dead_lettered_.total();
    in_flight_.Set(left);
  });
}

void IngestorMetrics::Read(std::uint64_t records, std::uint64_t bytes) {
  rows_in_.Add(records);
  bytes_in_.Add(bytes);
}

void IngestorMetrics::DeadLettered(DeadLetterReason reason) {
  dead_lettered_.Count(reason);
}

void IngestorMetrics::Published(std::uint64_t rows, std::uint64_t bytes, Clock::Duration took) {
  rows_out_.Add(rows);
  batches_out_.Add();
  bytes_out_.Add(bytes);
  publish_seconds_.Observe(Seconds(took));
}

void IngestorMetrics::PublishRefused(ShardId shard, const Error& error) {
  const bool full = error.code == "full";
  (full ? refused_full_ : refused_other_).Add();
  log_.LogFor(error.code, LogLevel::kWarn,
              full ? "A stream is full: reading from Kafka waits for the stages behind it."
                   : "JetStream did not take a batch: it is sent again.",
              {{"shard", shard}, {"error", error.detail}});
}

void IngestorMetrics::Assigned(std::int32_t partition, Offset start) {
  rebalances_.Add();
  std::lock_guard lock(mutex_);
  assigned_partitions_.Set(++assigned_);
  Log(LogLevel::kInfo, "Partition assigned.",
      {{"topic", topic_}, {"partition", partition}, {"from", start}});
}

void IngestorMetrics::Revoked(std::int32_t partition, bool lost) {
  rebalances_.Add();
  std::lock_guard lock(mutex_);
  assigned_partitions_.Set(--assigned_);
  if (const auto lags = lags_.find(partition); lags != lags_.end()) {
    metrics_.Remove(lags->second.committed);
    metrics_.Remove(lags->second.read);
    lags_.erase(lags);
  }
  Log(LogLevel::kInfo, "Partition given up.",
      {{"topic", topic_}, {"partition", partition}, {"lost", lost}});
}

void IngestorMetrics::Paused(bool paused, std::size_t partitions) {
  paused_partitions_.Set(partitions);
  Log(LogLevel::kDebug, paused ? "Partitions paused." : "Partitions resumed.",
      {{"paused", partitions}});
}

void IngestorMetrics::Committed(std::size_t partitions) {
  commits_.Add(partitions);
}

void IngestorMetrics::CommitRefused(const Error& error) {
  commits_refused_.Add();
  log_.LogFor("commit", LogLevel::kWarn, "Kafka did not take a commit: it is tried again.",
              {{"error", error.detail}});
}

void IngestorMetrics::GoesBack(std::int32_t partition, Offset from, LossReason reason) {
  gone_back_.at(static_cast<std::size_t>(reason)).Add();
  Log(LogLevel::kWarn,
      "Rows were lost on their way: the partition is read again from its committed offset.",
      {{"topic", topic_}, {"partition", partition}, {"from", from}, {"lost", ToText(reason)}});
}

void IngestorMetrics::BeganAnew(std::int32_t partition, const Origin& origin,
                                const std::string& why) {
  began_anew_.Add();
  Log(LogLevel::kWarn, why,
      {{"topic", topic_},
       {"partition", partition},
       {"generation", origin.generation},
       {"incarnation", origin.incarnation}});
}

void IngestorMetrics::StreamNotSeen(const std::string& stream, const Error& error) {
  log_.LogFor("stream_not_seen", LogLevel::kWarn, "JetStream does not tell of a stream.",
              {{"stream", stream}, {"error", error.detail}});
}

void IngestorMetrics::RecordNotWritten(std::int32_t partition, const Error& error) {
  log_.LogFor("record", LogLevel::kWarn,
              "The partition's record cannot be written: after a restart more is read again.",
              {{"partition", partition}, {"error", error.detail}});
}

void IngestorMetrics::Expired(std::int32_t partition, std::uint64_t records) {
  expired_.Add(records);
  Log(LogLevel::kError,
      "Kafka has deleted records that were never read: raise the topic's retention, or add "
      "capacity behind it.",
      {{"topic", topic_}, {"partition", partition}, {"records", records}});
}

void IngestorMetrics::Trouble(const Error& error) {
  log_.LogFor(error.code, error.remedy == Remedy::kStop ? LogLevel::kError : LogLevel::kWarn,
              "Kafka cannot be read at the moment.", {{"error", error.detail}});
}

void IngestorMetrics::Lag(std::int32_t partition, std::uint64_t committed_lag,
                          std::uint64_t read_lag) {
  std::lock_guard lock(mutex_);
  auto [lags, fresh] = lags_.try_emplace(partition);
  if (fresh) {
    const MetricLabels labels{
        source_.front(), {"topic", topic_}, {"partition", std::to_string(partition)}};
    lags->second.committed = metrics_.AddGauge(
        "penstock_kafka_lag_rows", "Records not yet in ClickHouse or accounted for.", labels);
    lags->second.read =
        metrics_.AddGauge("penstock_kafka_read_lag_rows", "Records not yet read.", labels);
  }
  lags->second.committed.Set(committed_lag);
  lags->second.read.Set(read_lag);
}

void IngestorMetrics::Backpressure(Clock::Duration waited) {
  backpressure_seconds_.Add(Seconds(waited));
}

}  // namespace penstock::ingestor
