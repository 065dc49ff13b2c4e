#include "ctl/run_stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::ctl {
namespace {

using testing::ElementsAre;

RunOptions Options() {
  RunOptions options;
  options.file = "orders.yaml";
  options.programs = "/opt/penstock";
  options.ingestors = 2;
  options.transforms = 3;
  options.joins = 4;
  options.sinks = 5;
  return options;
}

PipelinePlan PlanOf(const std::vector<std::string>& sources) {
  PipelinePlan plan;
  for (const std::string& source_id : sources) plan.sources.emplace_back().source_id = source_id;
  return plan;
}

PipelinePlan JoinOf(const std::string& left, const std::string& right) {
  PipelinePlan plan = PlanOf({left, right});
  plan.join.emplace().left.source_id = left;
  plan.join->right.source_id = right;
  return plan;
}

/// "name xcount: program and what follows the pipeline".
std::vector<std::string> Lines(const PipelinePlan& plan, const std::string& nats = "") {
  std::vector<std::string> lines;
  for (const Fleet::Stage& stage : RunStages(Options(), plan, nats)) {
    std::vector<std::string> words = stage.argv;
    EXPECT_EQ(words.at(1), "--pipeline");
    EXPECT_EQ(words.at(2), "orders.yaml");
    words.erase(words.begin() + 1, words.begin() + 3);
    lines.push_back(fmt::format("{} x{}{}: {}", stage.name, stage.count,
                                stage.has_state ? " with state" : "", fmt::join(words, " ")));
  }
  return lines;
}

TEST(RunStages, OfASingleSource) {
  PipelinePlan plan = PlanOf({"orders"});
  EXPECT_THAT(Lines(plan), ElementsAre("ingestor x2: /opt/penstock/penstock-ingestor",
                                       "sink x5: /opt/penstock/penstock-sink"));
  plan.transform.emplace();
  EXPECT_THAT(Lines(plan, "nats://n:1"),
              ElementsAre("ingestor x2: /opt/penstock/penstock-ingestor --nats nats://n:1",
                          "transform x3 with state: /opt/penstock/penstock-transform --nats "
                          "nats://n:1",
                          "sink x5: /opt/penstock/penstock-sink --nats nats://n:1"));
}

TEST(RunStages, OfAJoin) {
  PipelinePlan plan = JoinOf("clicks", "users");
  EXPECT_THAT(Lines(plan),
              ElementsAre("ingestor-clicks x2: /opt/penstock/penstock-ingestor --source clicks",
                          "ingestor-users x2: /opt/penstock/penstock-ingestor --source users",
                          "join x4 with state: /opt/penstock/penstock-join",
                          "sink x5: /opt/penstock/penstock-sink"));
  plan.join->right.dedup.emplace();
  EXPECT_THAT(Lines(plan),
              testing::Contains("transform-users x3 with state: /opt/penstock/penstock-transform "
                                "--source users"));
  plan.join->left.dedup.emplace();
  EXPECT_EQ(Lines(plan).size(), 6U);
}

// Names of processes are names of files, too.
TEST(RunStages, ASourceMayHaveAnyId) {
  const auto stages = RunStages(Options(), JoinOf("../clicks of \xc3\xa4", "Users_2"), "");
  EXPECT_THAT(stages[0].name, testing::StartsWith("ingestor-clicks-of-"));
  EXPECT_EQ(stages[0].argv.back(), "../clicks of \xc3\xa4");
  EXPECT_EQ(stages[1].name, "ingestor-Users_2");
}

TEST(RunStages, WhoSendsIsStoppedBeforeWhoReceives) {
  PipelinePlan plan = JoinOf("clicks", "users");
  plan.join->left.dedup.emplace();
  plan.join->right.dedup.emplace();
  std::vector<int> levels;
  for (const Fleet::Stage& stage : RunStages(Options(), plan, "")) levels.push_back(stage.level);
  EXPECT_THAT(levels, ElementsAre(4, 4, 3, 3, 2, 1));
}

}  // namespace
}  // namespace penstock::ctl
