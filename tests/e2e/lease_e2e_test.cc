// Replicas of sink and transform that share the shards by leases: they come, go, die and freeze
// under a steady load, and every record is there once in the end.

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/wait.h"
#include "crash/sharing.h"
#include "protocol/names.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

// PENSTOCK_FREEZE_SECONDS=60 for a freeze that outlasts every patience of the servers, too.
std::chrono::seconds Freeze() {
  const char* const wanted = std::getenv("PENSTOCK_FREEZE_SECONDS");
  return std::chrono::seconds(wanted == nullptr ? 3 : std::stoi(wanted));
}

class LeaseE2eTest : public SharingTest {
 protected:
  std::unique_ptr<jetstream::Connection> Connect() const {
    jetstream::NatsOptions options;
    options.urls = {servers().nats};
    return jetstream::Connection::Connect(options, SystemClock()).value();
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
  fmt::print("longest gap of a shard, coming and going: {:.2f} s\n", gap.Take().count());

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
  c.Freeze();
  x.Freeze();
  WaitUntilShared({&a, &b});
  WaitUntilShared({&y});
  WaitUntil(SystemClock().Now() + Freeze(), {});
  c.Thaw();
  x.Thaw();
  WaitUntilShared({&a, &b, &c});
  WaitUntilShared({&x, &y});
  for (ServiceProcess* const zombie : {&c, &x}) {
    EXPECT_GE(zombie->Metrics().Sum("penstock_lease_changes_total", {{"change", "lost"}}), 1)
        << zombie->name();
  }
  LetPass(1s, 2s);

  fmt::print("one of each is left\n");
  EndCleanly(b);
  EndCleanly(c);
  EndCleanly(y);
  WaitUntilShared({&a});
  WaitUntilShared({&x});
  fmt::print("longest gap of a shard, with deaths and freezes: {:.2f} s\n", gap.Take().count());
  ExpectEachKeyExactlyOnce(pipeline, "replicas that come, go, die and freeze",
                           [](std::uint64_t) { return true; });
  WaitFor("nothing is in flight", [&] {
    return a.Metrics().Sum("penstock_sink_rows_in_flight") == 0 &&
           x.Metrics().Sum("penstock_transform_rows_in_flight") == 0;
  });
  if (HasFailure()) PrintEnds({&a, &b, &c, &x, &y});
}

// What somebody else wrote there is nobody's, and is written over by whose it should be.
TEST_F(LeaseE2eTest, GarbageInTheBucketIsRepaired) {
  PipelineHarness& pipeline = NewDedupPipeline();
  ServiceProcess a = pipeline.NewSink("a");
  ServiceProcess b = pipeline.NewSink("b");
  ServiceProcess x = pipeline.NewTransform("x");
  StartLoad(pipeline, 10'000, 5'000, 10);
  pipeline.StartIngestor();
  StartTransform(pipeline, x);
  StartSink(pipeline, a);
  StartSink(pipeline, b);
  WaitUntilShared({&a, &b});
  WaitUntilShared({&x});
  const auto nats = Connect();
  const auto bucket = nats->OpenKeyValue(protocol::Bucket(pipeline.id()), 1).value();
  const auto value_of = [&](const std::string& key) {
    const auto entry = bucket->Get(key).value();
    return entry ? entry->value : std::string();
  };
  const std::vector<std::string> ours = {"lease.sink.0", "lease.transform.3", "member.sink.b"};
  for (const std::string& key : ours) {
    WaitFor("garbage in " + key, [&] {
      const auto entry = bucket->Get(key).value();
      return entry && bucket->Update(key, "what is this?", entry->revision).ok();
    });
  }
  ASSERT_TRUE(bucket->Create("lease.sink.z", "what is this?").ok());
  for (const std::string& key : ours) {
    WaitFor(key + " is repaired", [&] { return value_of(key).starts_with("1 "); });
  }
  WaitUntilShared({&a, &b});
  WaitUntilShared({&x});
  EndCleanly(b);
  WaitUntilShared({&a});
  ExpectEachKeyExactlyOnce(pipeline, "garbage in the bucket", [](std::uint64_t) { return true; });
  if (HasFailure()) PrintEnds({&a, &b, &x});
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
