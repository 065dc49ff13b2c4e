// kill -9 of every process of a pipeline with a join, at random moments under load.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "crash/crash_test.h"
#include "crash/sharing.h"
#include "protocol/names.h"
#include "support/join_harness.h"
#include "support/nats_server.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kKills = 20;

class JoinKillTest : public CrashTest {
 protected:
  void SetUp() override {
    CrashTest::SetUp();
    if (IsSkipped()) return;
    left_topic_ = NewTopic(kPartitions);
    right_topic_ = NewTopic(kPartitions - 2);
    pipeline_ = std::make_unique<JoinHarness>(servers(), left_topic_, right_topic_);
    // The records of a load, whose ids are numbers.
    for (nlohmann::json& source : pipeline_->document["sources"]) {
      source["schema_fields"] = {{{"name", "id"}, {"type", "uint64"}},
                                 {{"name", "text"}, {"type", "string"}}};
    }
    for (nlohmann::json& field : pipeline_->document["join"]["output_fields"]) {
      if (field["name"] == "name") field["name"] = "text";
    }
    pipeline_->document["sink"]["mapping"][0]["column_type"] = "UInt64";
    pipeline_->document["resources"]["shards"] = 4;
    pipeline_->CreateTable("id UInt64, l String, r Nullable(String)");
  }
  void TearDown() override {
    if (HasFailure() && pipeline_) pipeline_->PrintJoinLogs();
    left_.reset();
    right_.reset();
    pipeline_.reset();
    CrashTest::TearDown();
  }
  JoinHarness& pipeline() { return *pipeline_; }

  void StartLoads(std::uint64_t per_second) {
    const auto load = [&](const std::string& topic, std::int32_t partitions) {
      return std::make_unique<Load>(servers().kafka, topic,
                                    Load::Options{.seed = 7,
                                                  .partitions = partitions,
                                                  .backlog = 20'000,
                                                  .per_second = per_second,
                                                  .repeat_percent = 0});
    };
    left_ = load(left_topic_, kPartitions);
    right_ = load(right_topic_, kPartitions - 2);
  }

  /// As many rows as ids that both topics have, each once, with its partner.
  void ExpectEachPairOnce(std::string_view what) {
    left_->Finish();
    right_->Finish();
    const std::uint64_t pairs = std::min(left_->distinct(), right_->distinct());
    pipeline().WaitForRows(pairs, 120s);
    pipeline().WaitForJoinCommits(kafka(), 90s);
    const ClickHouse& clickhouse = pipeline().clickhouse();
    const std::string table = pipeline().table();
    const std::uint64_t rows = pipeline().Rows();
    const std::uint64_t distinct = clickhouse.Number("SELECT uniqExact(id) FROM " + table);
    fmt::print("{}: {} left and {} right records, {} pairs: {} lost, {} repeated\n", what,
               left_->sent(), right_->sent(), pairs, pairs - distinct, rows - distinct);
    EXPECT_EQ(rows, pairs);
    EXPECT_EQ(distinct, pairs);
    EXPECT_EQ(clickhouse.Number("SELECT max(id) FROM " + table), pairs - 1);
    EXPECT_EQ(clickhouse.Number(fmt::format("SELECT countIf(l != r) FROM {}", table)), 0U)
        << "the text of an id is the same on both sides";
    EXPECT_TRUE(pipeline().DeadLetters().empty());
    if (!streams_lose_messages_) {
      EXPECT_EQ(pipeline().sink().Metrics().Sum("penstock_sections_refused_total"), 0);
    }
  }

  enum class Process : std::uint8_t { kLeft, kRight, kLeftDedup, kJoin, kSink };
  void Kill(Process which) {
    LetPass(0ms, 1200ms);
    switch (which) {
      case Process::kLeft:
      case Process::kRight: {
        const char* const side = which == Process::kLeft ? "left" : "right";
        pipeline().source(side).Kill9();
        return pipeline().StartSource(side);
      }
      case Process::kLeftDedup:
        pipeline().dedup("left").Kill9();
        return pipeline().StartDedup("left");
      case Process::kJoin:
        pipeline().join().Kill9();
        return pipeline().StartJoin();
      case Process::kSink:
        pipeline().sink().Kill9();
        return pipeline().StartSink();
    }
  }

 private:
  std::string left_topic_;
  std::string right_topic_;
  std::unique_ptr<JoinHarness> pipeline_;
  std::unique_ptr<Load> left_;
  std::unique_ptr<Load> right_;
};

TEST_F(JoinKillTest, EachProcessInTurnTwentyTimes) {
  pipeline().StartAll();
  StartLoads(3'000);
  const std::vector<Process> processes = {Process::kLeft, Process::kJoin, Process::kRight,
                                          Process::kSink};
  for (int kill = 0; kill < kKills; ++kill) Kill(processes[static_cast<std::size_t>(kill) % 4]);
  ExpectEachPairOnce("kill -9 of ingestors, join and sink in turn, 20 times");
}

// What JetStream holds of a side goes under load: the join has what it took in on its disk.
TEST_F(JoinKillTest, ASidesStreamIsDeletedFourTimes) {
  // Of its own: some versions die of a question about a stream that is just being made.
  const auto nats = NatsServer::Start();
  streams_lose_messages_ = true;
  pipeline().UseNats(nats->url());
  pipeline().StartAll();
  StartLoads(3'000);
  for (std::uint32_t time = 0; time < 4; ++time) {
    LetPass(500ms, 2000ms);
    const auto hop = time % 2 == 0 ? protocol::Hop::kLeft : protocol::Hop::kRight;
    const std::string name =
        protocol::StreamName(pipeline().id(), hop, ShardId(time % pipeline().shards()));
    const auto await = [&](const std::string& what, const std::function<bool()>& condition) {
      WaitFor(
          what,
          [&] {
            nats->RestartIfItDied();
            return condition();
          },
          90s);
    };
    await("a stream to delete", [&] { return pipeline().streams().Remove(name).ok(); });
    await("the stream is there again", [&] { return pipeline().streams().State(name).ok(); });
  }
  ExpectEachPairOnce("a side's stream deleted, 4 times");
}

// The disk goes with each kill.
TEST_F(JoinKillTest, TheJoinWithItsDiskFiveTimes) {
  pipeline().StartAll();
  StartLoads(3'000);
  for (int kill = 0; kill < 5; ++kill) {
    LetPass(200ms, 1500ms);
    pipeline().join().Kill9();
    std::filesystem::remove_all(pipeline().JoinFolder(0));
    pipeline().StartJoin();
  }
  ExpectEachPairOnce("kill -9 of the join with its disk, 5 times");
}

// Each has a disk of its own: what it keeps of a shard is behind when the shard comes back.
TEST_F(JoinKillTest, JoinsThatShareTheShardsComeDieAndGo) {
  ServiceProcess a = pipeline().NewJoin("a");
  ServiceProcess b = pipeline().NewJoin("b");
  const auto shared = [&](const std::vector<ServiceProcess*>& joins) {
    WaitUntilShared(joins, pipeline().shards());
    LetPass(500ms, 1500ms);
  };
  for (const char* const side : {"left", "right"}) pipeline().StartSource(side);
  pipeline().StartSink();
  StartLoads(3'000);
  pipeline().StartSharing(a);
  shared({&a});
  pipeline().StartSharing(b);
  shared({&a, &b});
  b.Kill9();
  shared({&a});
  pipeline().StartSharing(b);
  shared({&a, &b});
  EXPECT_TRUE(a.Stop().clean());
  shared({&b});
  pipeline().StartSharing(a);
  shared({&a, &b});
  EXPECT_TRUE(b.Stop().clean());
  shared({&a});
  ExpectEachPairOnce("joins that come, die and go");
}

// A dedup by another key than the join's, in front of it.
TEST_F(JoinKillTest, WithAShuffleTwentyTimes) {
  pipeline().AddDedup("left", "text");
  pipeline().StartAll();
  StartLoads(2'000);
  const std::vector<Process> processes = {Process::kLeftDedup, Process::kJoin, Process::kLeft,
                                          Process::kLeftDedup, Process::kSink};
  for (int kill = 0; kill < kKills; ++kill) Kill(processes[static_cast<std::size_t>(kill) % 5]);
  ExpectEachPairOnce("kill -9 with a shuffle in front of the join, 20 times");
}

}  // namespace
}  // namespace penstock::testing
