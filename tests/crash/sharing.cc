#include "crash/sharing.h"

#include <algorithm>
#include <stdexcept>

#include "protocol/names.h"
#include "protocol/shard_record_codec.h"

namespace penstock::testing {

bool AreShared(const std::vector<ServiceProcess*>& replicas, std::uint32_t shards) {
  double all = 0;
  for (ServiceProcess* const replica : replicas) {
    if (!replica->Running()) throw std::runtime_error(replica->name() + " has ended");
    const double owned = replica->Metrics().Sum("penstock_shards_owned");
    if (owned < 1 || !replica->Ready().passed) return false;
    all += owned;
  }
  return all == shards;
}

void WaitUntilShared(const std::vector<ServiceProcess*>& replicas, std::uint32_t shards) {
  WaitFor("the shards are shared", [&] { return AreShared(replicas, shards); });
}

LongestGap::LongestGap(const std::string& nats, const std::string& pipeline) {
  jetstream::NatsOptions options;
  options.urls = {nats};
  nats_ = jetstream::Connection::Connect(options, SystemClock()).value();
  bucket_ = nats_->OpenKeyValue(protocol::Bucket(pipeline), 1).value();
  watch_ = bucket_
               ->WatchPrefix(std::string(protocol::kShardRecordPrefix),
                             [this](const std::string& key, const auto& entry) {
                               if (entry) Moved(key, entry->value);
                             })
               .value();
}

std::chrono::duration<double> LongestGap::Take() {
  const Clock::Time now = SystemClock().Now();
  std::lock_guard lock(mutex_);
  // What lasts counts for what has passed of it.
  for (auto& [key, last] : last_) {
    longest_ = std::max<std::chrono::duration<double>>(longest_, now - last.time);
  }
  return std::exchange(longest_, {});
}

void LongestGap::Moved(const std::string& key, std::string_view value) {
  const auto record = protocol::DecodeShardRecord(value);
  if (!record.ok()) return;
  const Clock::Time now = SystemClock().Now();
  const StreamSeq position = record.value().position.seq;
  std::lock_guard lock(mutex_);
  const auto [last, first] = last_.try_emplace(key, Last{position, now});
  if (first || position == last->second.position) return;
  longest_ = std::max<std::chrono::duration<double>>(longest_, now - last->second.time);
  last->second = {position, now};
}

PipelineHarness& SharingTest::NewDedupPipeline() {
  PipelineHarness& pipeline = NewLoadedPipeline();
  pipeline.document["transforms"] = {{{"type", "dedup"},
                                      {"source_id", "events"},
                                      {"config", {{"key", "id"}, {"time_window", "1h"}}}}};
  return pipeline;
}

void SharingTest::StartSink(const PipelineHarness& pipeline, ServiceProcess& sink,
                            LeaseTimes times) {
  sink.Start(pipeline.SharingArguments(sink, times));
}

void SharingTest::StartTransform(const PipelineHarness& pipeline, ServiceProcess& transform,
                                 LeaseTimes times) {
  auto arguments = pipeline.SharingArguments(transform, times);
  arguments.insert(arguments.end(),
                   {"--state-dir", (pipeline.folder() / ("state-" + transform.name())).string()});
  transform.Start(arguments);
}

std::vector<ServiceProcess*> SharingTest::All(std::deque<ServiceProcess>& replicas) {
  std::vector<ServiceProcess*> all;
  for (ServiceProcess& replica : replicas) all.push_back(&replica);
  return all;
}

void SharingTest::EndCleanly(ServiceProcess& replica) {
  EXPECT_TRUE(replica.Stop().clean()) << replica.name();
}

void SharingTest::PrintEnds(const std::vector<ServiceProcess*>& replicas) {
  constexpr std::size_t kShown = 4000;
  for (const ServiceProcess* const replica : replicas) {
    const std::string log = replica->Log();
    fmt::print("--- the end of the log of {}\n{}\n", replica->name(),
               log.substr(log.size() - std::min(log.size(), kShown)));
  }
}

}  // namespace penstock::testing
