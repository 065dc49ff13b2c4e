// Replicas of sink and transform that share the shards by leases: they come, go, die and freeze
// under a steady load, and every record is there once in the end.

#include <chrono>
#include <csignal>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "crash/crash_test.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

constexpr double kShards = 4;

/// The longest time in which the record of a shard has not moved, under a load that never pauses.
class LongestGap {
 public:
  LongestGap(const std::string& nats, const std::string& pipeline) {
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
  std::chrono::duration<double> longest() const {
    std::lock_guard lock(mutex_);
    return longest_;
  }

 private:
  struct Last {
    StreamSeq position{0};
    Clock::Time time{};
  };

  void Moved(const std::string& key, const std::string& value) {
    const auto record = protocol::DecodeShardRecord(value);
    if (!record.ok()) return;
    const Clock::Time now = SystemClock().Now();
    std::lock_guard lock(mutex_);
    const auto [last, first] = last_.try_emplace(key, Last{record.value().position.seq, now});
    if (first || record.value().position.seq == last->second.position) return;
    longest_ = std::max<std::chrono::duration<double>>(longest_, now - last->second.time);
    last->second = {record.value().position.seq, now};
  }

  mutable std::mutex mutex_;
  std::map<std::string, Last> last_;          // Guarded by mutex_.
  std::chrono::duration<double> longest_{0};  // Guarded by mutex_.
  std::unique_ptr<jetstream::Connection> nats_;
  std::unique_ptr<io::KeyValue> bucket_;
  std::unique_ptr<io::KeyValue::Watch> watch_;
};

class LeaseE2eTest : public CrashTest {
 protected:
  PipelineHarness& NewDedupPipeline() {
    PipelineHarness& pipeline = NewLoadedPipeline();
    pipeline.document["transforms"] = {{{"type", "dedup"},
                                        {"source_id", "events"},
                                        {"config", {{"key", "id"}, {"time_window", "1h"}}}}};
    return pipeline;
  }
  static void StartSink(const PipelineHarness& pipeline, ServiceProcess& sink) {
    sink.Start(pipeline.SharingArguments(sink));
  }
  static void StartTransform(const PipelineHarness& pipeline, ServiceProcess& transform) {
    auto arguments = pipeline.SharingArguments(transform);
    arguments.insert(arguments.end(),
                     {"--state-dir", (pipeline.folder() / ("state-" + transform.name())).string()});
    transform.Start(arguments);
  }
  /// Until these have all shards, and each of them some.
  static void WaitUntilShared(std::vector<ServiceProcess*> replicas) {
    WaitFor("the shards are shared", [&] {
      double all = 0;
      for (ServiceProcess* const replica : replicas) {
        if (!replica->Running()) throw std::runtime_error(replica->name() + " has ended");
        const double owned = replica->Metrics().Sum("penstock_shards_owned");
        if (owned < 1 || !replica->Ready().passed) return false;
        all += owned;
      }
      return all == kShards;
    });
  }
  static void EndCleanly(ServiceProcess& replica) {
    EXPECT_TRUE(replica.Stop().clean()) << replica.name();
  }
};

TEST_F(LeaseE2eTest, ReplicasComeGoDieAndFreezeUnderLoad) {
  PipelineHarness& pipeline = NewDedupPipeline();
  ServiceProcess a = pipeline.NewSink("a");
  ServiceProcess b = pipeline.NewSink("b");
  ServiceProcess c = pipeline.NewSink("c");
  ServiceProcess x = pipeline.NewTransform("x");
  ServiceProcess y = pipeline.NewTransform("y");
  StartLoad(pipeline, 10'000, 5'000, 10);
  pipeline.StartIngestor();
  StartTransform(pipeline, x);
  StartSink(pipeline, a);
  WaitUntilShared({&a});
  WaitUntilShared({&x});
  LongestGap gap(servers().nats, pipeline.id());
  LetPass(1s, 2s);

  fmt::print("one sink and one transform become three and two\n");
  StartSink(pipeline, b);
  StartSink(pipeline, c);
  StartTransform(pipeline, y);
  WaitUntilShared({&a, &b, &c});
  WaitUntilShared({&x, &y});
  LetPass(1s, 2s);
  EndCleanly(a);
  EndCleanly(x);
  WaitUntilShared({&b, &c});
  WaitUntilShared({&y});
  LetPass(1s, 2s);
  fmt::print("longest gap of a shard, coming and going: {:.2f} s\n", gap.longest().count());

  fmt::print("two die, and come back\n");
  StartSink(pipeline, a);
  StartTransform(pipeline, x);
  WaitUntilShared({&a, &b, &c});
  WaitUntilShared({&x, &y});
  b.Kill9();
  y.Kill9();
  WaitUntilShared({&a, &c});
  WaitUntilShared({&x});
  StartSink(pipeline, b);
  StartTransform(pipeline, y);
  WaitUntilShared({&a, &b, &c});
  WaitUntilShared({&x, &y});
  LetPass(1s, 2s);

  fmt::print("two freeze for longer than the others wait, and wake up\n");
  c.Signal(SIGSTOP);
  x.Signal(SIGSTOP);
  WaitUntilShared({&a, &b});
  WaitUntilShared({&y});
  LetPass(2s, 3s);
  c.Signal(SIGCONT);
  x.Signal(SIGCONT);
  WaitUntilShared({&a, &b, &c});
  WaitUntilShared({&x, &y});
  LetPass(1s, 2s);

  fmt::print("one of each is left\n");
  EndCleanly(b);
  EndCleanly(c);
  EndCleanly(y);
  WaitUntilShared({&a});
  WaitUntilShared({&x});
  fmt::print("longest gap of a shard, with deaths and freezes: {:.2f} s\n", gap.longest().count());
  ExpectEachKeyExactlyOnce(pipeline, "replicas that come, go, die and freeze",
                           [](std::uint64_t) { return true; });
  WaitFor("nothing is in flight", [&] {
    return a.Metrics().Sum("penstock_sink_rows_in_flight") == 0 &&
           x.Metrics().Sum("penstock_transform_rows_in_flight") == 0;
  });
  if (HasFailure()) {
    for (ServiceProcess* const replica : {&a, &b, &c, &x, &y}) {
      const std::string log = replica->Log();
      fmt::print("--- {}\n{}\n", replica->name(),
                 log.substr(log.size() - std::min<std::size_t>(log.size(), 4000)));
    }
  }
}

TEST_F(LeaseE2eTest, AReplicaWhoseNameIsTakenEndsWithAClearError) {
  PipelineHarness& pipeline = NewDedupPipeline();
  ServiceProcess first = pipeline.NewSink("a");
  pipeline.StartIngestor();
  StartSink(pipeline, first);
  WaitUntilShared({&first});
  ServiceProcess second = pipeline.NewSink("again");
  auto arguments = pipeline.SharingArguments(second);
  *(std::ranges::find(arguments, "again")) = "a";
  second.Launch(arguments);
  EXPECT_EQ(second.WaitForExit().code, 1);
  EXPECT_NE(second.Log().find("another live process of stage sink is called a"), std::string::npos)
      << second.Log();
  EndCleanly(first);
}

}  // namespace
}  // namespace penstock::testing
