// ClickHouse refuses, hangs or is cut off while rows come: nothing lost, nothing twice, nothing in
// the dead letters, the reason said, and it goes on by itself.

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "base/wait.h"
#include "support/nats_server.h"
#include "support/pipeline_test.h"
#include "support/tcp_gate.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

/// How long a fault lasts: PENSTOCK_FAULT_SECONDS, or 3. The promise is the same for any time.
std::chrono::seconds FaultTime() {
  const char* const given = std::getenv("PENSTOCK_FAULT_SECONDS");  // NOLINT(concurrency-mt-unsafe)
  return std::chrono::seconds(given == nullptr ? 3 : std::strtol(given, nullptr, 10));
}
constexpr std::int32_t kPartitions = 2;
constexpr int kRecords = 2000;

class FaultsTest : public PipelineTest {
 protected:
  /// A pipeline of many small blocks through a gate in front of ClickHouse.
  PipelineHarness& GatedPipeline() {
    topic_ = NewTopic(kPartitions);
    PipelineHarness& pipeline = NewPipeline(topic_, {{"id", "int64", "id", "Int64"}});
    gate_ = std::make_unique<TcpGate>(servers().clickhouse.http_port);
    Connection(pipeline)["http_port"] = gate_->port();
    pipeline.document["sink"]["max_batch_size"] = 250;
    return pipeline;
  }
  static nlohmann::json& Connection(PipelineHarness& pipeline) {
    return pipeline.document["sink"]["connection_params"];
  }
  TcpGate& gate() { return *gate_; }

  /// As many more records, with ids that go on.
  void ProduceMore(int count = kRecords) {
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
      std::vector<std::string> events;
      for (int i = 0; i < count / kPartitions; ++i) {
        events.push_back(fmt::format(R"({{"id":{}}})", produced_++));
      }
      Produce(topic_, partition, events);
    }
  }
  std::uint64_t produced() const { return produced_; }

  static void WaitUntilPaused(PipelineHarness& pipeline, const std::string& reason) {
    WaitFor("paused: " + reason, [&] {
      return pipeline.sink().Metrics().Sum("penstock_sink_paused", {{"reason", reason}}) == 1;
    });
    WaitFor("a pause is not unready", [&] { return pipeline.sink().Ready().passed; });
  }
  static void LetLast() { WaitUntil(SystemClock().Now() + FaultTime(), {}); }

  /// Every record is once in the table, or in the tables beside it, and nothing is left over.
  void ExpectEachOnce(PipelineHarness& pipeline, const std::string& beside = "") {
    const std::string all = beside.empty() ? pipeline.table()
                                           : fmt::format(
                                                 "(SELECT id FROM {} UNION ALL SELECT id "
                                                 "FROM {})",
                                                 pipeline.table(), beside);
    const auto count = [&] { return pipeline.clickhouse().Number("SELECT count() FROM " + all); };
    WaitFor(
        "all rows", [&] { return count() >= produced(); }, 90s);
    pipeline.WaitForCommits(kafka());
    EXPECT_EQ(pipeline.clickhouse().Lines("SELECT count(), uniqExact(id) FROM " + all),
              std::vector<std::string>{fmt::format("{0}\t{0}", produced())});
    EXPECT_EQ(pipeline.TotalAccount()[Outcome::kRow], produced());
    EXPECT_TRUE(pipeline.DeadLetters().empty());
    const MetricsPage sink = pipeline.sink().Metrics();
    EXPECT_EQ(sink.Sum("penstock_sink_paused"), 0);
    EXPECT_EQ(sink.Sum("penstock_sink_possible_repeats_total"), 0);
    EXPECT_TRUE(pipeline.sink().Running());
  }

  /// Inserts are answered so for a while, under load.
  void ExpectPatience(const GateVerdict& verdict, const std::string& reason) {
    PipelineHarness& pipeline = GatedPipeline();
    pipeline.CreateTable();
    ProduceMore();
    pipeline.Start();
    pipeline.WaitForRows(100);
    gate().SetForInserts(verdict);
    ProduceMore();
    WaitUntilPaused(pipeline, reason);
    const std::uint64_t before = gate().inserts();
    LetLast();
    EXPECT_LT(gate().inserts() - before, 60U) << "it hammers";
    gate().Set({});
    ProduceMore();
    ExpectEachOnce(pipeline);
  }

 private:
  std::string topic_;
  std::unique_ptr<TcpGate> gate_;
  std::uint64_t produced_ = 0;
};

TEST_F(FaultsTest, AQuotaThatIsExceeded) {
  ExpectPatience(GateVerdict::Refuse(201, "Quota for user `pipe` for 60s has been exceeded"),
                 "capacity");
}

TEST_F(FaultsTest, ATableThatIsReadOnly) {
  ExpectPatience(GateVerdict::Refuse(242, "Table is in readonly mode"), "transient");
}

TEST_F(FaultsTest, AProxyThatReachesNobody) {
  ExpectPatience(GateVerdict::Status(502, "<html>Bad Gateway</html>"), "transient");
}

TEST_F(FaultsTest, AFullDisk) {
  ExpectPatience(GateVerdict::Refuse(243, "Cannot reserve 1.00 MiB, not enough space"), "capacity");
}

// An exception behind a good status, as ClickHouse sends it when it fails late.
TEST_F(FaultsTest, AnExceptionInAGoodAnswer) {
  const std::string body = "Code: 999. DB::Exception: Session expired. (KEEPER_EXCEPTION)";
  ExpectPatience({.kind = GateVerdict::Kind::kAnswer,
                  .answer = fmt::format("HTTP/1.1 200 OK\r\nX-ClickHouse-Summary: {{}}\r\n"
                                        "Connection: close\r\nContent-Length: {}\r\n\r\n{}",
                                        body.size(), body)},
                 "transient");
}

TEST_F(FaultsTest, AnswersThatAreCutAfterTheServerTookTheBlock) {
  PipelineHarness& pipeline = GatedPipeline();
  pipeline.CreateTable();
  ProduceMore();
  auto cuts = std::make_shared<int>(0);
  gate().Set([cuts](const GateRequest& request) {
    const bool cut = request.IsInsert() && ++*cuts % 3 != 0;
    return GateVerdict{.kind = cut ? GateVerdict::Kind::kCutAnswer : GateVerdict::Kind::kForward};
  });
  pipeline.Start();
  ExpectEachOnce(pipeline);
  EXPECT_GE(*cuts, 8);
}

// The sink dies while answers are missing, too.
TEST_F(FaultsTest, CutAnswersAndASinkThatIsKilled) {
  PipelineHarness& pipeline = GatedPipeline();
  pipeline.CreateTable();
  ProduceMore();
  gate().SetForInserts({.kind = GateVerdict::Kind::kCutAnswer});
  pipeline.Start();
  for (int kill = 0; kill < 4; ++kill) {
    const std::uint64_t enough = gate().inserts() + 3;
    WaitFor("inserts", [&] { return gate().inserts() >= enough; });
    pipeline.sink().Kill9();
    pipeline.StartSink();
  }
  gate().Set({});
  ExpectEachOnce(pipeline);
}

TEST_F(FaultsTest, OneHostIsDeadAndOneHangs) {
  PipelineHarness& pipeline = GatedPipeline();
  TcpGate hanging(servers().clickhouse.http_port);
  hanging.Set([](const GateRequest&) { return GateVerdict{.kind = GateVerdict::Kind::kHang}; });
  nlohmann::json& connection = Connection(pipeline);
  connection.erase("host");
  connection["hosts"] = {fmt::format("127.0.0.1:{}", FreePort()),
                         fmt::format("127.0.0.1:{}", hanging.port()),
                         fmt::format("127.0.0.1:{}", gate().port())};
  connection["connect_timeout"] = "500ms";
  connection["insert_timeout"] = "2s";
  pipeline.CreateTable();
  ProduceMore();
  const Clock::Time start = SystemClock().Now();
  pipeline.Start();
  ExpectEachOnce(pipeline);
  fmt::print("three hosts, one dead, one hangs: all rows in after {} ms\n",
             (SystemClock().Now() - start) / 1ms);
  EXPECT_EQ(pipeline.sink().Metrics().Sum("penstock_sink_hosts_well"), 1);
  // A host that stops answering in the middle of inserts, and another that comes to life.
  gate().SetForInserts({.kind = GateVerdict::Kind::kHang});
  ProduceMore();
  WaitFor("the good host hangs", [&] { return gate().inserts() > 0; });
  hanging.Set({});
  ExpectEachOnce(pipeline);
  EXPECT_GT(hanging.inserts(), 0U);
}

TEST_F(FaultsTest, ATableThatIsDroppedUnderLoadAndMadeAgain) {
  PipelineHarness& pipeline = GatedPipeline();
  pipeline.CreateTable();
  ProduceMore();
  pipeline.Start();
  pipeline.WaitForRows(100);
  // Set aside rather than dropped, so that its rows can be counted.
  const std::string aside = fmt::format("{}.`{}_aside`", ClickHouse::kDatabase, pipeline.id());
  pipeline.clickhouse().Query(fmt::format("RENAME TABLE {} TO {}", pipeline.table(), aside));
  ProduceMore();
  WaitUntilPaused(pipeline, "schema");
  LetLast();
  pipeline.CreateTable();
  ProduceMore();
  ExpectEachOnce(pipeline, aside);
  pipeline.clickhouse().Query("DROP TABLE " + aside);
}

TEST_F(FaultsTest, APasswordThatIsChangedUnderLoadAndChangedBack) {
  PipelineHarness& pipeline = GatedPipeline();
  pipeline.CreateTable();
  ProduceMore();
  pipeline.Start();
  pipeline.WaitForRows(100);
  RunStack(servers(), {"restart", "clickhouse", "--clickhouse-password", "another"});
  ProduceMore();
  WaitUntilPaused(pipeline, "access");
  LetLast();
  RunStack(servers(),
           {"restart", "clickhouse", "--clickhouse-password", servers().clickhouse.password});
  ProduceMore();
  ExpectEachOnce(pipeline);
}

// What `kill -9` of ClickHouse can leave behind, in a window of microseconds: the token of an
// insert without its rows. Here the rows are deleted, which leaves the token, and the server is
// restarted.
TEST_F(FaultsTest, ATokenWithoutItsRows) {
  PipelineHarness& pipeline = GatedPipeline();
  pipeline.CreateTable();
  gate().SetForInserts({.kind = GateVerdict::Kind::kCutAnswer});
  ProduceMore();
  pipeline.Start();
  WaitFor("rows without an answer", [&] { return pipeline.Rows() > 0; });
  gate().SetForInserts({.kind = GateVerdict::Kind::kBreak});
  WaitUntilPaused(pipeline, "transient");
  pipeline.clickhouse().Query(
      fmt::format("ALTER TABLE {} DELETE WHERE 1 SETTINGS mutations_sync = 1", pipeline.table()));
  RunStack(servers(), {"restart", "clickhouse"});
  EXPECT_EQ(pipeline.Rows(), 0U);
  gate().Set({});
  ProduceMore();
  ExpectEachOnce(pipeline);
  EXPECT_GT(pipeline.sink().Metrics().Sum("penstock_sink_rows_lost_by_server_total"), 0);
}

TEST_F(FaultsTest, TooManyParts) {
  PipelineHarness& pipeline = GatedPipeline();
  pipeline.CreateTable("id Int64", ", parts_to_throw_insert = 3, parts_to_delay_insert = 3");
  pipeline.clickhouse().Query("SYSTEM STOP MERGES " + pipeline.table());
  ProduceMore();
  pipeline.Start();
  WaitUntilPaused(pipeline, "pressure");
  LetLast();
  EXPECT_GT(pipeline.sink().Metrics().Sum("penstock_sink_block_scale"), 1) << "larger blocks";
  pipeline.clickhouse().Query(fmt::format(
      "ALTER TABLE {} MODIFY SETTING parts_to_throw_insert = 3000, parts_to_delay_insert = 3000",
      pipeline.table()));
  ProduceMore();
  ExpectEachOnce(pipeline);
}

TEST_F(FaultsTest, TheDocumentKnowsBetterWhatACodeMeans) {
  PipelineHarness& pipeline = GatedPipeline();
  pipeline.document["sink"]["errors"] = {{"469", "pause"}};
  pipeline.CreateTable("id Int64, CONSTRAINT small CHECK id < 100");
  ProduceMore();
  pipeline.Start();
  WaitUntilPaused(pipeline, "access");
  pipeline.clickhouse().Query(
      fmt::format("ALTER TABLE {} DROP CONSTRAINT small", pipeline.table()));
  ExpectEachOnce(pipeline);
}

TEST_F(FaultsTest, ATableThatForgetsSoonIsSaidWithTheStatementThatHelps) {
  PipelineHarness& pipeline = GatedPipeline();
  pipeline.clickhouse().Query(
      fmt::format("CREATE TABLE {} (id Int64) ENGINE = MergeTree ORDER BY id SETTINGS "
                  "non_replicated_deduplication_window = 20",
                  pipeline.table()));
  ProduceMore();
  pipeline.Start();
  ExpectEachOnce(pipeline);
  // It is measured some seconds after the start, while rows arrive.
  WaitFor("the table is measured", [&] {
    ProduceMore(kPartitions);
    return pipeline.sink().Metrics().Sum("penstock_sink_parts_per_second") > 0;
  });
  const MetricsPage sink = pipeline.sink().Metrics();
  EXPECT_EQ(sink.Sum("penstock_sink_dedup_window_ok"), 1);
  EXPECT_GT(sink.Sum("penstock_sink_dedup_window_seconds"), 0);
  EXPECT_LT(sink.Sum("penstock_sink_dedup_window_seconds"), 3600);
  EXPECT_NE(pipeline.sink().Log().find("MODIFY SETTING non_replicated_deduplication_window = "),
            std::string::npos)
      << pipeline.sink().Log();
}

class PartitionsTest : public FaultsTest {
 protected:
  /// One block of all records, into a table of 500 partitions.
  PipelineHarness& OneBlock(std::string_view columns, std::string_view partition_key) {
    PipelineHarness& pipeline = GatedPipeline();
    pipeline.document["resources"]["shards"] = 1;
    pipeline.document["sink"]["max_batch_size"] = kRecords;
    pipeline.document["sink"]["max_delay_time"] = "10m";
    pipeline.clickhouse().Query(
        fmt::format("CREATE TABLE {} ({}) ENGINE = MergeTree PARTITION BY {} ORDER BY tuple() "
                    "SETTINGS non_replicated_deduplication_window = 10000",
                    pipeline.table(), columns, partition_key));
    ProduceMore();
    return pipeline;
  }
  static double Splits(PipelineHarness& pipeline, const std::string& kind) {
    return pipeline.sink().Metrics().Sum("penstock_sink_splits_total", {{"kind", kind}});
  }
};

TEST_F(PartitionsTest, ABlockOfFiveHundredPartitionsGoesInPiecesOfFew) {
  PipelineHarness& pipeline = OneBlock("id Int64", "id % 500");
  pipeline.Start();
  ExpectEachOnce(pipeline);
  fmt::print("500 partitions in a block: {} inserts\n", gate().inserts());
  EXPECT_LE(gate().inserts(), 17U);
  EXPECT_EQ(Splits(pipeline, "partitions"), 1);
  EXPECT_EQ(Splits(pipeline, "rows"), 0);
}

TEST_F(PartitionsTest, TheSameByASinkThatIsKilledMeanwhile) {
  PipelineHarness& pipeline = OneBlock("id Int64", "id % 500");
  gate().SetForInserts({.kind = GateVerdict::Kind::kForward, .delay = 100ms});
  pipeline.Start();
  for (int kill = 0; kill < 3; ++kill) {
    const std::uint64_t enough = gate().inserts() + 2;
    WaitFor("inserts", [&] { return gate().inserts() >= enough; });
    pipeline.sink().Kill9();
    pipeline.StartSink();
  }
  ExpectEachOnce(pipeline);
}

// Of a column that the insert leaves out, nobody knows the partitions before: halving by rows finds
// pieces that fit.
TEST_F(PartitionsTest, PartitionsThatOnlyTheTableKnows) {
  PipelineHarness& pipeline = OneBlock("id Int64, part Int64 DEFAULT intDiv(id, 8)", "part");
  pipeline.Start();
  ExpectEachOnce(pipeline);
  EXPECT_EQ(Splits(pipeline, "partitions"), 0);
  EXPECT_GE(Splits(pipeline, "rows"), 3);
}

}  // namespace
}  // namespace penstock::testing
