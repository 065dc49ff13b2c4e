// Three nats-servers with three replicas of everything: one of them may go at any time.

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

#include "base/format.h"
#include "crash/sharing.h"
#include "process/http_get.h"
#include "protocol/names.h"
#include "support/nats_cluster.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::uint64_t kPerSecond = 1'000;
constexpr std::size_t kNodes = 3;
/// How long nats-server 2.9 may take until two nodes, or all three, agree again.
constexpr auto kElection = 120s;

/// What each of the nodes says of itself and of the streams that it leads.
class ClusterView {
 public:
  explicit ClusterView(const NatsCluster& cluster) {
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      const auto reply =
          process::HttpGet("127.0.0.1", static_cast<std::uint16_t>(cluster.monitor_port(i)),
                           "/jsz?accounts=true&streams=true", 2s);
      if (reply.ok()) Add(i, json::parse(reply.value().body, nullptr, false));
    }
  }

  /// The node that says that it leads the stream.
  std::optional<std::size_t> LeaderOf(const std::string& stream) const {
    const auto found = led_.find(stream);
    return found == led_.end() ? std::nullopt : std::optional(found->second.node);
  }
  /// Every node has so many streams, and the cluster a leader that the others follow.
  bool Agrees(std::size_t streams) const {
    return meta_ && streams_of_.size() == kNodes &&
           std::ranges::all_of(streams_of_, [&](const auto& of) { return of.second == streams; });
  }
  /// Adds the streams whose leader says that its replicas are current.
  void AddReplicated(std::set<std::string>& streams) const {
    for (const auto& [stream, led] : led_) {
      if (led.replicated) streams.insert(stream);
    }
  }
  std::size_t streams() const { return led_.size(); }

 private:
  struct Led {
    std::size_t node = 0;
    bool replicated = false;
  };

  void Add(std::size_t node, const json& page) {
    if (!page.is_object()) return;
    const std::string name = fmt::format("n{}", node);
    streams_of_[node] = 0;
    if (const json meta = page.value("meta_cluster", json::object());
        meta.value("leader", "") == name) {
      meta_ = IsReplicated(meta);
    }
    for (const json& account : page.value("account_details", json::array())) {
      for (const json& stream : account.value("stream_detail", json::array())) {
        ++streams_of_[node];
        const json cluster = stream.value("cluster", json::object());
        if (cluster.value("leader", "") != name) continue;
        led_[stream.value("name", "")] = {node, IsReplicated(cluster)};
      }
    }
  }
  static bool IsReplicated(const json& cluster) {
    const json replicas = cluster.value("replicas", json::array());
    return replicas.size() == kNodes - 1 && std::ranges::all_of(replicas, [](const json& replica) {
             return replica.value("current", false) && !replica.value("offline", false);
           });
  }

  std::map<std::size_t, std::size_t> streams_of_;
  std::map<std::string, Led> led_;
  bool meta_ = false;
};

class ClusterCrashTest : public SharingTest {
 protected:
  PipelineHarness& NewPipelineOnTheCluster() {
    streams_lose_messages_ = true;  // Those that kill -9 of a nats-server has taken with it.
    PipelineHarness& pipeline = NewDedupPipeline();
    pipeline.UseNats(cluster_.urls());
    pipeline.document["resources"]["nats"]["replicas"] = kNodes;
    return pipeline;
  }
  void StartAll(PipelineHarness& pipeline) {
    pipeline.StartIngestor();
    transforms_.push_back(pipeline.NewTransform("transform-0"));
    StartTransform(pipeline, transforms_.back(), LeaseTimes::kUsual);
    for (const char* const name : {"sink-0", "sink-1"}) {
      sinks_.push_back(pipeline.NewSink(name));
      StartSink(pipeline, sinks_.back(), LeaseTimes::kUsual);
    }
    WaitUntilShared(All(transforms_));
    WaitUntilShared(All(sinks_));
  }
  NatsServer& LeaderOf(const std::string& stream) {
    std::optional<std::size_t> leader;
    WaitFor("the stream has a leader", [&] {
      leader = ClusterView(cluster_).LeaderOf(stream);
      return leader.has_value();
    });
    return cluster_.node(*leader);
  }
  /// Every stream has been on all three nodes since this was asked: under a load a replica is
  /// current for moments only.
  void WaitUntilWhole() {
    std::set<std::string> replicated;
    WaitFor(
        "the cluster is whole",
        [&] {
          const ClusterView view(cluster_);
          if (!view.Agrees(streams_)) return false;
          view.AddReplicated(replicated);
          return replicated.size() == streams_;
        },
        kElection);
  }
  /// All that is sent until so many seconds from now is in the table.
  void WaitForMore(const PipelineHarness& pipeline, const Load& load, std::uint64_t seconds) {
    const auto records = static_cast<std::int64_t>(load.sent() + seconds * kPerSecond);
    WaitFor(
        "the load goes through", [&] { return pipeline.Committed(kafka()) >= records; }, kElection);
  }
  void TearDown() override {
    if (HasFailure()) {
      PrintEnds(All(sinks_));
      PrintEnds(All(transforms_));
    }
    sinks_.clear();
    transforms_.clear();
    SharingTest::TearDown();
  }

  NatsCluster cluster_;
  std::size_t streams_ = 0;
  std::deque<ServiceProcess> sinks_;
  std::deque<ServiceProcess> transforms_;
};

TEST_F(ClusterCrashTest, OneOfThreeNodesGoesAtATime) {
  PipelineHarness& pipeline = NewPipelineOnTheCluster();
  const Load& load = StartLoad(pipeline, 0, kPerSecond, 10);
  StartAll(pipeline);
  WaitForMore(pipeline, load, 1);
  streams_ = ClusterView(cluster_).streams();
  const auto step = [](std::string_view what, const auto& body) {
    const Clock::Time began = SystemClock().Now();
    body();
    const std::chrono::duration<double> took = SystemClock().Now() - began;
    fmt::print("{}: {:.1f} s\n", what, took.count());
  };
  const auto restart = [&](NatsServer& node) {
    node.Restart();
    WaitUntilWhole();
  };
  step("whole", [&] { WaitUntilWhole(); });

  NatsServer& leader =
      LeaderOf(protocol::StreamName(pipeline.id(), protocol::Hop::kOut, ShardId(0)));
  step("kill -9 of a leader; 2 s of the load go through two", [&] {
    leader.Kill9();
    WaitForMore(pipeline, load, 2);
  });
  step("three again", [&] { restart(leader); });

  NatsServer& away = LeaderOf("KV_" + protocol::Bucket(pipeline.id()));
  step("a node stopped; 5 s of the load go through two", [&] {
    away.Stop();
    WaitForMore(pipeline, load, 5);
  });
  step("three again", [&] { restart(away); });

  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    step(fmt::format("restart of node {}; a second's load goes through", i), [&] {
      cluster_.node(i).Stop();
      restart(cluster_.node(i));
      WaitForMore(pipeline, load, 1);
    });
  }
  for (auto* const replicas : {&transforms_, &sinks_}) {
    for (ServiceProcess& replica : *replicas) EXPECT_TRUE(replica.Running()) << replica.name();
  }
  EXPECT_TRUE(pipeline.ingestor().Running());
  fmt::print("gone back {} times\n",
             pipeline.ingestor().Metrics().Sum("penstock_ingestor_gone_back_total"));
  ExpectEachKeyExactlyOnce(pipeline, "one of three nats-servers gone, 5 times",
                           [](std::uint64_t) { return true; });
}

}  // namespace
}  // namespace penstock::testing
