#include "join/join_metrics.h"

#include <string>

#include "base/format.h"

namespace penstock::join {

namespace {

constexpr std::array<const char*, 2> kSides = {"left", "right"};

double Seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double Seconds(std::int64_t milliseconds) {
  return static_cast<double>(milliseconds) / 1000;
}

std::size_t Index(Side side) {
  return static_cast<std::size_t>(side);
}

}  // namespace

JoinMetrics::JoinMetrics(Metrics& metrics, std::span<const ShardId> shards)
    : rows_out_(metrics.AddCounter("penstock_join_rows_out_total",
                                   "Joined rows that JetStream has acknowledged.")),
      matched_(metrics.AddCounter("penstock_join_rows_matched_total",
                                  "Left rows that found their partner.")),
      unmatched_(metrics.AddCounter("penstock_join_rows_unmatched_total",
                                    "Left rows that were sent without a partner, with nulls.")),
      expired_(metrics.AddCounter("penstock_join_rows_expired_total",
                                  "Left rows whose window ended without a partner, and that are "
                                  "not sent.")),
      filtered_(metrics.AddCounter("penstock_join_rows_filtered_total",
                                   "Joined rows that the filter dropped.")),
      dead_lettered_(metrics, "penstock_join_rows_dead_lettered_total",
                     "Rows that became dead letters."),
      wait_seconds_(metrics.AddHistogram(
          "penstock_join_wait_seconds",
          "How long a left row waited for its partner, by Kafka's time; 0: it was there.",
          SecondsBuckets())),
      output_(metrics, "join"),
      store_failures_(
          metrics.AddCounter("penstock_join_store_failures_total",
                             "Times that the row store could not be used; each is tried again.")),
      store_damaged_(metrics.AddCounter(
          "penstock_join_store_damaged_total",
          "Row stores that were damaged and have been made from the kept messages again.")),
      state_lost_(metrics.AddCounter(
          "penstock_join_state_lost_total",
          "Times that a side's stream and the row store were both gone: rows that waited are "
          "forgotten.")),
      rebuild_seconds_(metrics.AddHistogram(
          "penstock_state_rebuild_seconds",
          "Taking kept messages in again, until a row store is where the output is.",
          SecondsBuckets())) {
  for (std::size_t side = 0; side < kSides.size(); ++side) {
    const MetricLabels label{{"side", kSides[side]}};
    sides_[side] = {
        .rows_in = metrics.AddCounter("penstock_join_rows_in_total", "Rows taken in.", label),
        .bytes_in = metrics.AddCounter("penstock_join_bytes_in_total",
                                       "Bytes of the messages read.", label),
        .replayed = metrics.AddCounter("penstock_join_rows_replayed_total",
                                       "Rows that came again; of no effect.", label),
        .refused = metrics.AddCounter(
            "penstock_join_rows_refused_total",
            "Rows left out since others before them are missing; they come again from Kafka.",
            label)};
  }
  for (const ShardId shard : shards) {
    const std::string number = fmt::format("{}", shard.rep());
    ShardGauges& gauges = shards_[shard];
    for (std::size_t side = 0; side < kSides.size(); ++side) {
      const MetricLabels labels{{"shard", number}, {"side", kSides[side]}};
      gauges.rows[side] = metrics.AddGauge("penstock_join_buffered_rows",
                                           "Rows that wait for a partner, or can be one.", labels);
      gauges.bytes[side] =
          metrics.AddGauge("penstock_join_buffered_bytes", "What those rows take.", labels);
      gauges.lag_seconds[side] = metrics.AddGauge(
          "penstock_join_lag_seconds", "How far a side's time is behind the clock.", labels);
    }
    gauges.disk_bytes =
        metrics.AddGauge("penstock_join_disk_bytes", "Of the row store.", {{"shard", number}});
    gauges.skew_seconds = metrics.AddGauge(
        "penstock_join_skew_seconds", "How far the left side's time is ahead of the right one's.",
        {{"shard", number}});
  }
}

void JoinMetrics::Read(Side side, std::size_t bytes) {
  sides_[Index(side)].bytes_in.Add(bytes);
}

void JoinMetrics::Joined(std::optional<Side> side, const operators::BatchJoin::Output& output,
                         std::uint64_t rows) {
  if (side) {
    sides_[Index(*side)].rows_in.Add(output.counts.taken);
    sides_[Index(*side)].replayed.Add(output.counts.replayed);
    sides_[Index(*side)].refused.Add(output.counts.refused);
  }
  rows_out_.Add(rows);
  matched_.Add(output.counts.matched);
  unmatched_.Add(output.counts.unmatched);
  filtered_.Add(output.counts.filtered);
  Expired(output.counts.expired);
  if (output.waits_ms.empty()) return;
  Tally tally(SecondsBuckets());
  for (const std::int64_t wait : output.waits_ms) tally.Add(Seconds(wait));
  wait_seconds_.Observe(tally);
}

void JoinMetrics::Expired(std::uint64_t rows) {
  expired_.Add(rows);
}

void JoinMetrics::DeadLettered(const std::vector<DeadLetter>& letters) {
  dead_lettered_.CountAndLog(letters);
}

void JoinMetrics::StoreFailed(ShardId shard, const Error& error) {
  store_failures_.Add();
  log_.LogFor("store", LogLevel::kError,
              "The row store cannot be used; the shard waits, and nothing is lost meanwhile.",
              {{"shard", shard}, {"error", error.detail}});
}

void JoinMetrics::StoreDamaged(ShardId shard, const Error& error) {
  store_damaged_.Add();
  Log(LogLevel::kWarn, "The row store was damaged: it is made from the kept messages again.",
      {{"shard", shard}, {"error", error.detail}});
}

void JoinMetrics::CaughtUp(ShardId shard, Clock::Duration took) {
  rebuild_seconds_.Observe(Seconds(took));
  Log(LogLevel::kInfo, "The row store is where the output is.", {{"shard", shard}, {"took", took}});
}

void JoinMetrics::StateLost(ShardId shard, Side side) {
  state_lost_.Add();
  Log(LogLevel::kError,
      "A side's stream was replaced, and the row store did not have all of it: left rows that "
      "waited are forgotten.",
      {{"shard", shard}, {"side", kSides[Index(side)]}});
}

void JoinMetrics::GivenUp(ShardId shard) {
  Show(shard, {.store = {}, .left_ms = 0, .right_ms = 0, .now_ms = 0});
}

void JoinMetrics::Show(ShardId shard, const ShardView& view) {
  const ShardGauges& gauges = shards_.at(shard);
  const std::array sides = {&view.store.left, &view.store.right};
  const std::array times = {view.left_ms, view.right_ms};
  for (std::size_t side = 0; side < kSides.size(); ++side) {
    gauges.rows[side].Set(sides[side]->rows);
    gauges.bytes[side].Set(sides[side]->bytes);
    if (times[side]) gauges.lag_seconds[side].Set(Seconds(view.now_ms - *times[side]));
  }
  gauges.disk_bytes.Set(view.store.disk_bytes);
  if (view.left_ms && view.right_ms) {
    gauges.skew_seconds.Set(Seconds(*view.left_ms - *view.right_ms));
  }
}

}  // namespace penstock::join
