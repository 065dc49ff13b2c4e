#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "hammer.h"
#include "jetstream_test_base.h"
#include "support/nats_cluster.h"

namespace penstock::testing {
namespace {

// The node that was killed before may still be catching up: then the two have no majority yet. This
// server takes from seconds to more than a minute for it.
constexpr std::chrono::seconds kElection{240};

TEST(Cluster, NodesDieOneAfterTheOther) {
  NatsCluster cluster;
  jetstream::NatsOptions options;
  options.urls = cluster.urls();
  const auto connection = MustConnect(options);
  auto config = StreamNamed("S");
  config.replicas = 3;
  ASSERT_TRUE(MustEnsure(connection->streams(), config));
  std::unique_ptr<io::KeyValue> bucket;
  ASSERT_TRUE(Eventually([&] {
    auto opened = connection->OpenKeyValue("b", 3);
    if (opened.ok()) bucket = std::move(opened).value();
    return bucket != nullptr;
  }));
  ASSERT_TRUE(Eventually([&] { return bucket->Create("k", "-1").ok(); }));
  ChangeLog log;
  const auto watch = bucket->WatchPrefix("k", log.Callback());

  Follower follower(connection->streams(), "S");
  Hammer hammer(connection->publisher(), "S", 2);
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    ASSERT_TRUE(hammer.WaitForMore(50, kElection));
    cluster.node(i).Kill9();
    ASSERT_TRUE(hammer.WaitForMore(20, kElection)) << "two of three nodes serve";
    const std::string value = fmt::format("{}", i);
    ASSERT_TRUE(Eventually([&] {
      const auto entry = bucket->Get("k");
      return entry.ok() && bucket->Update("k", value, entry.value()->revision).ok();
    }));
    EXPECT_TRUE(log.WaitFor("k", value));
    cluster.node(i).Restart();
  }
  ASSERT_TRUE(hammer.WaitForMore(50));
  const auto acked = hammer.Finish();
  ASSERT_TRUE(follower.WaitFor(acked.rbegin()->first));
  ExpectContains(follower.Finish(), acked);
}

}  // namespace
}  // namespace penstock::testing
