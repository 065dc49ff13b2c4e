#include "stage/output_metrics.h"

#include <chrono>

#include "base/format.h"

namespace penstock::stage {

namespace {

Counter Refusals(Metrics& metrics, const std::string& stage, const char* reason) {
  return metrics.AddCounter(fmt::format("penstock_{}_publish_refused_total", stage),
                            "Messages that JetStream did not take; each is sent again.",
                            {{"reason", reason}});
}

}  // namespace

OutputMetrics::OutputMetrics(Metrics& metrics, const std::string& stage)
    : bytes_out_(metrics.AddCounter(fmt::format("penstock_{}_bytes_out_total", stage),
                                    "Bytes of the acknowledged messages, compressed.")),
      publish_seconds_(metrics.AddHistogram(fmt::format("penstock_{}_publish_seconds", stage),
                                            "From sending a message to its acknowledgement.",
                                            SecondsBuckets())),
      refused_full_(Refusals(metrics, stage, "full")),
      refused_other_(Refusals(metrics, stage, "unavailable")),
      waits_(metrics.AddCounter("penstock_stream_read_failures_total",
                                "Failed reads of a stream; each is tried again.")) {}

OutputStream::Reports OutputMetrics::Reports(ShardId shard) {
  return {.waits = [this, shard](const Error& error) { Waits(shard, error); },
          .refused = [this, shard](const Error& error) { Refused(shard, error); },
          .published = [this](std::size_t bytes, Clock::Duration took) { Published(bytes, took); }};
}

void OutputMetrics::Published(std::size_t bytes, Clock::Duration took) {
  bytes_out_.Add(bytes);
  publish_seconds_.Observe(std::chrono::duration<double>(took).count());
}

void OutputMetrics::Refused(ShardId shard, const Error& error) {
  const bool full = error.code == "full";
  (full ? refused_full_ : refused_other_).Add();
  log_.LogFor(full ? "full" : "unavailable", LogLevel::kWarn,
              full ? "A stream is full: waiting for the stages behind."
                   : "JetStream does not take a message: sending it again.",
              {{"shard", shard}, {"error", error.detail}});
}

void OutputMetrics::Waits(ShardId shard, const Error& error) {
  waits_.Add();
  log_.LogFor(error.code, LogLevel::kWarn, "JetStream does not answer a shard: asking again.",
              {{"shard", shard}, {"error", error.detail}});
}

}  // namespace penstock::stage
