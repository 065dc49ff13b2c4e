// `penstock run` and `penstock dlq list`: a pipeline with a nats-server of its own, from the topic
// into the table, through the deaths of its processes and its own.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "process/child_process.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::vector<PipelineField> kFields = {{"id", "int64", "id", "Int64"}};
constexpr std::chrono::seconds kRunPatience{120};

std::string ReadFile(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The pids of a process's children whose program has this name.
std::vector<pid_t> ChildrenOf(pid_t parent, const std::string& program) {
  std::vector<pid_t> found;
  std::error_code gone;
  for (const auto& task :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/task", parent), gone)) {
    std::ifstream children(task.path() / "children");
    for (pid_t child = 0; children >> child;) {
      const auto exe = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", child), gone);
      if (exe.filename() == program) found.push_back(child);
    }
  }
  return found;
}

class RunCommandTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    if (IsSkipped()) return;
    std::string pattern = std::filesystem::temp_directory_path() / "penstock-run-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    if (HasFailure()) fmt::print("--- the output of penstock:\n{}\n", ReadFile(output_file()));
    PipelineTest::TearDown();
    std::filesystem::remove_all(folder_);
  }

  PipelineHarness& NewRunPipeline(const std::string& topic) {
    PipelineHarness& pipeline = NewPipeline(topic, kFields);
    pipeline.CreateTable();
    return pipeline;
  }
  /// `count` records with the ids from `first` on, over the topic's partitions.
  void ProduceIds(const std::string& topic, std::int32_t partitions, int first, int count) {
    std::vector<std::vector<std::string>> values(static_cast<std::size_t>(partitions));
    for (int id = first; id < first + count; ++id) {
      values[static_cast<std::size_t>(id % partitions)].push_back(fmt::format("{{\"id\":{}}}", id));
    }
    for (std::int32_t i = 0; i < partitions; ++i) {
      Produce(topic, i, values[static_cast<std::size_t>(i)]);
    }
  }

  process::ChildProcess Penstock(const std::vector<std::string>& words) const {
    process::ChildOptions options;
    options.name = "penstock";
    options.argv = {fmt::format("{}/penstock", PENSTOCK_BIN_DIR)};
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    // The stack's NATS is not for it.
    options.environment = {{"PENSTOCK_NATS", ""}};
    options.output_file = output_file();
    auto child = process::ChildProcess::Start(options);
    if (!child.ok()) throw std::runtime_error(child.error().detail);
    return std::move(child).value();
  }
  process::ChildProcess Run(PipelineHarness& pipeline, std::vector<std::string> more) const {
    std::vector<std::string> words = {"run", Document(pipeline), "--data-dir", data_folder()};
    words.insert(words.end(), more.begin(), more.end());
    return Penstock(words);
  }
  static std::string Document(PipelineHarness& pipeline) { return pipeline.Arguments()[1]; }
  static int WaitFor(process::ChildProcess& child) {
    const auto report = child.Wait(SystemClock().Now() + kRunPatience);
    if (!report) throw std::runtime_error("penstock does not end");
    EXPECT_EQ(report->signal, 0);
    return report->code;
  }
  void KillOne(const process::ChildProcess& run, const std::string& program) {
    testing::WaitFor(program, [&] { return !ChildrenOf(run.pid(), program).empty(); });
    kill(ChildrenOf(run.pid(), program).front(), SIGKILL);
  }

  static void ExpectEachOnce(const PipelineHarness& pipeline, std::uint64_t rows) {
    EXPECT_EQ(pipeline.Rows(), rows);
    EXPECT_EQ(pipeline.clickhouse().Number("SELECT uniqExact(id) FROM " + pipeline.table()), rows);
  }

  std::string data_folder() const { return folder_ / "data"; }
  std::string stats_file() const { return folder_ / "stats.json"; }
  std::string output_file() const { return folder_ / "output"; }
  json Stats() const { return json::parse(ReadFile(stats_file())); }

  std::filesystem::path folder_;
};

TEST_F(RunCommandTest, LoadsATopicAndEndsByItselfWithTheNumbers) {
  const std::string topic = NewTopic(3);
  ProduceIds(topic, 3, 0, 30'000);
  Produce(topic, 1, {"no json", R"({"id":"text"})"});
  PipelineHarness& pipeline = NewRunPipeline(topic);
  auto run = Run(pipeline, {"--until-idle", "1s", "--stats-file", stats_file(), "--sinks", "2"});
  EXPECT_EQ(WaitFor(run), 0);
  ExpectEachOnce(pipeline, 30'000);
  const json stats = Stats();
  EXPECT_EQ(stats["ended"], "idle");
  EXPECT_EQ(stats["exact"], true);
  EXPECT_EQ(stats["rows_in"], 30'002);
  EXPECT_EQ(stats["rows_inserted"], 30'000);
  EXPECT_EQ(stats["dead_letters"], 2);
  EXPECT_GT(stats["seconds"], 0.0);
  EXPECT_GT(stats["latency_p95_seconds"], 0.0);
  ASSERT_EQ(stats["processes"].size(), 4U);
  for (const json& process : stats["processes"]) {
    EXPECT_EQ(process["starts"], 1) << process;
    EXPECT_GT(process["cpu_seconds"], 0.0) << process;
    EXPECT_GT(process["peak_resident_bytes"], 1 << 20) << process;
  }
}

// Each id comes four times: once it is filtered out, and of the rest the first becomes a row.
TEST_F(RunCommandTest, TransformsOnceWhateverDies) {
  constexpr int kIds = 6'000;
  const std::string topic = NewTopic(3);
  PipelineHarness& pipeline =
      NewPipeline(topic, {{"id", "int64", "id", "Int64"}, {"copy", "int64", "", ""}});
  pipeline.CreateTable();
  pipeline.document["transforms"] = json::parse(R"([
    {"type": "filter", "source_id": "events", "config": {"expression": "copy != 2"}},
    {"type": "dedup", "source_id": "events", "config": {"key": "id", "time_window": "1h"}},
    {"type": "stateless", "source_id": "events", "config": {"transforms": [
      {"expression": "id + 1000000", "output_name": "id", "output_type": "int64"}]}}])");
  const auto produce = [&](int first, int last) {
    std::vector<std::vector<std::string>> values(3);
    for (int i = first * 4; i < last * 4; ++i) {
      values[static_cast<std::size_t>(i % 3)].push_back(
          fmt::format(R"({{"id":{},"copy":{}}})", i / 4, i % 4));
    }
    for (std::int32_t i = 0; i < 3; ++i) Produce(topic, i, values[static_cast<std::size_t>(i)]);
  };
  auto run = Run(pipeline, {"--transforms", "2", "--stats-file", stats_file()});
  produce(0, kIds / 2);
  pipeline.WaitForRows(1);
  KillOne(run, "penstock-transform");
  produce(kIds / 2, kIds);
  pipeline.WaitForRows(kIds / 2 + 1);
  KillOne(run, "penstock-transform");
  pipeline.WaitForRows(kIds);
  run.Signal(SIGTERM);
  EXPECT_EQ(WaitFor(run), 0);
  const json first = Stats();
  // Another number of processes: the shards' keys go on with their new owners.
  auto rest = Run(pipeline, {"--until-idle", "1s", "--stats-file", stats_file()});
  EXPECT_EQ(WaitFor(rest), 0);
  const json last = Stats();
  ExpectEachOnce(pipeline, kIds);
  EXPECT_EQ(pipeline.clickhouse().Number("SELECT min(id) FROM " + pipeline.table()), 1'000'000U);
  const auto both = [&](const char* name) {
    return first[name].get<int>() + last[name].get<int>();
  };
  EXPECT_EQ(both("rows_in"), 4 * kIds);
  EXPECT_EQ(both("rows_inserted"), kIds);
  EXPECT_EQ(both("rows_filtered"), kIds);
  EXPECT_EQ(both("rows_duplicate"), 2 * kIds);
  EXPECT_EQ(both("dead_letters"), 0);
}

// The dead letters are in the store of a nats-server that has ended with its run.
TEST_F(RunCommandTest, DeadLettersCanBeListedAfterTheRun) {
  const std::string topic = NewTopic(1);
  Produce(topic, 0, {"no json", R"({"id":1})", R"({"id":"text"})"});
  PipelineHarness& pipeline = NewRunPipeline(topic);
  auto run = Run(pipeline, {"--until-idle", "1s"});
  EXPECT_EQ(WaitFor(run), 0);
  for (int reading = 0; reading < 2; ++reading) {
    std::filesystem::remove(output_file());
    auto list = Penstock({"dlq", "list", Document(pipeline), "--data-dir", data_folder(),
                          "--output", "json", "--limit", "1"});
    EXPECT_EQ(WaitFor(list), 0);
    EXPECT_THAT(ReadFile(output_file()), HasSubstr(R"("original_message":"no json")"));
    EXPECT_THAT(ReadFile(output_file()), HasSubstr("1 dead letter, and there are more"));
  }
}

TEST_F(RunCommandTest, WhatDiesIsStartedAgainAndNothingIsLostOrRepeated) {
  const std::string topic = NewTopic(3);
  PipelineHarness& pipeline = NewRunPipeline(topic);
  auto run = Run(pipeline, {"--stats-file", stats_file()});
  ProduceIds(topic, 3, 0, 10'000);
  pipeline.WaitForRows(1);
  KillOne(run, "penstock-sink");
  ProduceIds(topic, 3, 10'000, 10'000);
  pipeline.WaitForRows(10'001);
  KillOne(run, "nats-server");
  ProduceIds(topic, 3, 20'000, 10'000);
  pipeline.WaitForRows(30'000);
  run.Signal(SIGTERM);
  EXPECT_EQ(WaitFor(run), 0);
  ExpectEachOnce(pipeline, 30'000);
  const json stats = Stats();
  EXPECT_EQ(stats["ended"], "stopped");
  EXPECT_EQ(stats["rows_inserted"], 30'000);
  for (const json& process : stats["processes"]) {
    EXPECT_EQ(process["starts"], process["name"] == "ingestor-0" ? 1 : 2) << process;
  }
}

TEST_F(RunCommandTest, ANewRunGoesOnWhereAKilledOneEnded) {
  const std::string topic = NewTopic(3);
  PipelineHarness& pipeline = NewRunPipeline(topic);
  std::optional<process::ChildProcess> killed(Run(pipeline, {}));
  ProduceIds(topic, 3, 0, 20'000);
  pipeline.WaitForRows(1);
  kill(killed->pid(), SIGKILL);
  ProduceIds(topic, 3, 20'000, 20'000);
  // It waits for the processes that the killed one has left.
  auto run = Run(pipeline, {"--until-idle", "1s"});
  EXPECT_EQ(WaitFor(run), 0);
  ExpectEachOnce(pipeline, 40'000);
}

TEST_F(RunCommandTest, TwoRunsCannotShareAFolder) {
  PipelineHarness& pipeline = NewRunPipeline(NewTopic(1));
  auto run = Run(pipeline, {});
  testing::WaitFor("the run", [&] { return !ChildrenOf(run.pid(), "penstock-sink").empty(); });
  auto second = Run(pipeline, {});
  EXPECT_EQ(WaitFor(second), 1);
  EXPECT_THAT(ReadFile(output_file()), HasSubstr("another penstock uses"));
  run.Signal(SIGINT);
  EXPECT_EQ(WaitFor(run), 0);
}

TEST_F(RunCommandTest, AProcessThatNoRestartHelpsEndsTheRun) {
  PipelineHarness& pipeline = NewRunPipeline(NewTopic(1));
  auto run = Run(pipeline, {});
  // A stage that serves its pages has read the document.
  for (const char* const process : {"ingestor-0", "sink-0"}) {
    testing::WaitFor(process, [&] {
      return std::filesystem::exists(std::filesystem::path(data_folder()) / "ports" / process);
    });
  }
  const std::vector<pid_t> ingestors = ChildrenOf(run.pid(), "penstock-ingestor");
  ASSERT_EQ(ingestors.size(), 1U);
  std::ofstream(Document(pipeline)) << "pipeline_id: no pipeline";
  KillOne(run, "penstock-sink");
  EXPECT_EQ(WaitFor(run), 1);
  const std::string output = ReadFile(output_file());
  const std::string said = "sink-0 cannot run: exit code 2; the end of";
  EXPECT_THAT(output, HasSubstr(said));
  EXPECT_EQ(output.find(said), output.rfind(said)) << "it is said once";
  EXPECT_NE(kill(ingestors.front(), 0), 0) << "the ingestor is left behind";
}

}  // namespace
}  // namespace penstock::testing
