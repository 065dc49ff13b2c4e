#include "transform/transform_metrics.h"

#include <algorithm>
#include <string>

#include "base/format.h"

namespace penstock::transform {

namespace {

double Seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

TransformMetrics::TransformMetrics(Metrics& metrics, std::span<const ShardId> shards,
                                   const std::string& source_id)
    : rows_in_(metrics.AddCounter("penstock_transform_rows_in_total",
                                  "Rows of the messages read, again after a restart.")),
      bytes_in_(
          metrics.AddCounter("penstock_transform_bytes_in_total", "Bytes of the messages read.")),
      rows_out_(metrics.AddCounter("penstock_transform_rows_out_total",
                                   "Rows that JetStream has acknowledged.")),
      filtered_(metrics.AddCounter("penstock_transform_rows_filtered_total", "Rows filtered out.")),
      duplicate_(metrics.AddCounter("penstock_transform_rows_duplicate_total",
                                    "Rows whose key was seen before, within the window.")),
      let_go_(metrics.AddCounter("penstock_transform_rows_let_go_total",
                                 "Rows read and left to the next owner of their shard.")),
      dead_lettered_(metrics, "penstock_transform_rows_dead_lettered_total",
                     "Rows that became dead letters."),
      in_flight_(metrics.AddGauge("penstock_transform_rows_in_flight",
                                  "Rows read and not yet acknowledged by JetStream.")),
      output_(metrics, "transform"),
      store_failures_(metrics.AddCounter(
          "penstock_dedup_store_failures_total",
          "Times that the dedup store on disk could not be used; each is tried again.")),
      store_damaged_(metrics.AddCounter(
          "penstock_dedup_store_damaged_total",
          "Dedup stores on disk that were damaged and have been made from the key log again.")),
      state_lost_(metrics.AddCounter(
          "penstock_dedup_state_lost_total",
          "Shards whose key log and store were both gone: their window is forgotten.")),
      rebuild_seconds_(metrics.AddHistogram("penstock_dedup_replay_seconds",
                                            "Bringing a store up to the end of its key log.",
                                            SecondsBuckets())) {
  metrics
      .AddGauge("penstock_transform_source_info",
                "1; the source whose rows this process transforms.", {{"source", source_id}})
      .Set(1);
  for (const ShardId shard : shards) {
    const MetricLabels label{{"shard", fmt::format("{}", shard.rep())}};
    stores_[shard] = {
        .keys = metrics.AddGauge("penstock_dedup_keys", "First rows that are remembered.", label),
        .disk_bytes =
            metrics.AddGauge("penstock_dedup_disk_bytes", "Of the dedup store on disk.", label),
        .memory_bytes = metrics.AddGauge(
            "penstock_dedup_memory_bytes",
            "Filters, indexes and recent rows of the dedup store, without its page cache.", label),
        .page_reads = metrics.AddGauge(
            "penstock_dedup_page_reads",
            "Pages that were asked for since the start, from the cache or the disk: mostly one for "
            "each duplicate; a new key needs none.",
            label)};
  }
  account_ = metrics.OnScrape([this] {
    double left = rows_in_.value() - rows_out_.value() - filtered_.value() - duplicate_.value() -
                  dead_lettered_.total() - let_go_.value();
    in_flight_.Set(std::max(0.0, left));
  });
}

void TransformMetrics::Read(const protocol::Envelope& envelope, std::size_t bytes) {
  rows_in_.Add(envelope.rows);
  bytes_in_.Add(bytes);
}

void TransformMetrics::Transformed(const operators::BatchTransform::Output& output,
                                   std::uint64_t rows) {
  rows_out_.Add(rows);
  filtered_.Add(output.filtered);
  duplicate_.Add(output.duplicates);
}

void TransformMetrics::LetGo(const protocol::Envelope& envelope) {
  let_go_.Add(envelope.rows);
}

void TransformMetrics::DeadLettered(const std::vector<DeadLetter>& letters) {
  dead_lettered_.CountAndLog(letters);
}

void TransformMetrics::StoreFailed(ShardId shard, const Error& error) {
  store_failures_.Add();
  log_.LogFor("store", LogLevel::kError,
              "The dedup store cannot be used; the shard waits, and nothing is lost meanwhile.",
              {{"shard", shard}, {"error", error.detail}});
}

void TransformMetrics::Store(ShardId shard, const state::KeyStore::Stats& stats) {
  const StoreGauges& gauges = stores_.at(shard);
  gauges.keys.Set(stats.rows);
  gauges.disk_bytes.Set(stats.disk_bytes);
  gauges.memory_bytes.Set(stats.filter_bytes + stats.index_bytes + stats.recent_bytes);
  gauges.page_reads.Set(stats.page_reads);
}

void TransformMetrics::StoreDamaged(ShardId shard, const Error& error) {
  store_damaged_.Add();
  Log(LogLevel::kWarn, "The dedup store was damaged: it is made from the key log again.",
      {{"shard", shard}, {"error", error.detail}});
}

void TransformMetrics::Rebuilt(ShardId shard, Clock::Duration took) {
  rebuild_seconds_.Observe(Seconds(took));
  Log(LogLevel::kInfo, "The dedup store follows the key log.", {{"shard", shard}, {"took", took}});
}

void TransformMetrics::StateLost(ShardId shard) {
  state_lost_.Add();
  Log(LogLevel::kError,
      "Dedup has forgotten a shard's window: neither its key log nor its store is there. "
      "Duplicates of rows before now will pass.",
      {{"shard", shard}});
}

void TransformMetrics::GivenUp(ShardId shard) {
  Store(shard, {});
}

}  // namespace penstock::transform
