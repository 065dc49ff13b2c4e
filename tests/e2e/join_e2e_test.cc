// Two topics joined on the real servers: the reference's own cases, and those where it stops.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "support/join_harness.h"
#include "support/pipeline_test.h"

namespace penstock::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Record(std::string_view id, std::string_view name) {
  return fmt::format(R"({{"id":"{}","name":"{}"}})", id, name);
}

const std::vector<std::string> kLeft = {Record("123", "john"), Record("480", "zahng"),
                                        Record("789", "gmail"), Record("789", "yahoo")};
const std::vector<std::string> kRight = {Record("123", "John"), Record("456", "Alice"),
                                         Record("789", "Bob")};

class JoinTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    if (IsSkipped()) return;
    left_ = NewTopic(2);
    right_ = NewTopic(3);
    pipeline_ = std::make_unique<JoinHarness>(servers(), left_, right_);
    pipeline_->CreateJoinTable();
  }
  void TearDown() override {
    if (HasFailure() && pipeline_) pipeline_->PrintJoinLogs();
    pipeline_.reset();
    PipelineTest::TearDown();
  }

  JoinHarness& pipeline() { return *pipeline_; }
  void ProduceLeft(const std::vector<std::string>& records) { Produce(left_, 1, records); }
  void ProduceRight(const std::vector<std::string>& records) { Produce(right_, 2, records); }
  /// Of the first join process.
  double Metric(const std::string& name, const MetricsPage::Labels& labels = {}) {
    return pipeline().join().Metrics().Sum(name, labels);
  }
  void WaitUntilTaken(std::string_view side, double rows) {
    WaitFor("rows are taken in", [&] {
      return Metric("penstock_join_rows_in_total", {{"side", std::string(side)}}) >= rows;
    });
  }

 private:
  std::string left_;
  std::string right_;
  std::unique_ptr<JoinHarness> pipeline_;
};

TEST_F(JoinTest, TheReferencesCase) {
  ProduceLeft(kLeft);
  ProduceRight(kRight);
  pipeline().StartAll();
  pipeline().WaitForRows(3);
  pipeline().WaitForJoinCommits(kafka());
  EXPECT_THAT(pipeline().Joined(), ElementsAre("123 john John", "789 gmail Bob", "789 yahoo Bob"));
  EXPECT_EQ(Metric("penstock_join_rows_matched_total"), 3);
}

TEST_F(JoinTest, WithADedupOnBothSides) {
  pipeline().AddDedup("left", "id");
  pipeline().AddDedup("right", "id");
  ProduceLeft(kLeft);
  ProduceLeft({Record("123", "john again")});
  ProduceRight({Record("123", "John"), Record("123", "Johnny"), Record("789", "Bob")});
  pipeline().StartAll();
  pipeline().WaitForRows(2);
  pipeline().WaitForJoinCommits(kafka());
  EXPECT_THAT(pipeline().Joined(), ElementsAre("123 john John", "789 gmail Bob"));
}

// The dedup's key is not the join's: rows change their shard behind it.
TEST_F(JoinTest, WithADedupByAnotherKey) {
  pipeline().AddDedup("left", "name");
  ProduceLeft(kLeft);
  ProduceLeft({Record("456", "john"), Record("456", "alice")});
  ProduceRight(kRight);
  pipeline().StartAll();
  pipeline().WaitForRows(4);
  pipeline().WaitForJoinCommits(kafka());
  EXPECT_THAT(pipeline().Joined(),
              ElementsAre("123 john John", "456 alice Alice", "789 gmail Bob", "789 yahoo Bob"));
}

TEST_F(JoinTest, LeftRowsWaitAndAreNotForgottenByARestart) {
  pipeline().StartAll();
  ProduceLeft({Record("7", "a"), Record("7", "b"), Record("8", "c")});
  WaitUntilTaken("left", 3);
  EXPECT_THAT(pipeline().Joined(), IsEmpty());
  pipeline().WaitForJoinCommits(kafka());
  pipeline().StopAll();
  pipeline().StartAll();
  ProduceRight({Record("7", "R"), Record("9", "S")});
  pipeline().WaitForRows(2);
  pipeline().WaitForJoinCommits(kafka());
  EXPECT_THAT(pipeline().Joined(), ElementsAre("7 a R", "7 b R"));
}

TEST_F(JoinTest, AfterTheWindowNothingIsSent) {
  pipeline().SetWindows("2s", "2s");
  pipeline().StartAll();
  ProduceLeft({Record("7", "a")});
  WaitUntilTaken("left", 1);
  WaitFor("its window is over", [&] { return Metric("penstock_join_rows_expired_total") == 1; });
  ProduceRight({Record("7", "R"), Record("8", "S")});
  WaitUntilTaken("right", 2);
  ProduceLeft({Record("8", "b")});
  pipeline().WaitForRows(1);
  pipeline().WaitForJoinCommits(kafka());
  EXPECT_THAT(pipeline().Joined(), ElementsAre("8 b S"));
}

TEST_F(JoinTest, AnOuterJoinSendsNullsWhenTheWindowEnds) {
  pipeline().SetWindows("2s", "2s");
  pipeline().document["join"]["kind"] = "left";
  pipeline().StartAll();
  ProduceLeft({Record("7", "a"), Record("8", "b")});
  ProduceRight({Record("8", "S")});
  pipeline().WaitForRows(2);
  pipeline().WaitForJoinCommits(kafka());
  EXPECT_THAT(pipeline().Joined(), ElementsAre("7 a null", "8 b S"));
  EXPECT_EQ(Metric("penstock_join_rows_unmatched_total"), 1);
}

TEST_F(JoinTest, FilterAndOutputsBehindTheJoin) {
  pipeline().document["transforms"] = {
      {{"type", "filter"}, {"source_id", "join"}, {"config", {{"expression", R"(l != "yahoo")"}}}},
      {{"type", "stateless"},
       {"source_id", "join"},
       {"config",
        {{"transforms",
          {{{"expression", "id"}, {"output_name", "id"}, {"output_type", "string"}},
           {{"expression", "upper(l)"}, {"output_name", "l"}, {"output_type", "string"}},
           {{"expression", R"(l + "-" + r)"},
            {"output_name", "r"},
            {"output_type", "string"}}}}}}}};
  ProduceLeft(kLeft);
  ProduceRight(kRight);
  pipeline().StartAll();
  pipeline().WaitForRows(2);
  pipeline().WaitForJoinCommits(kafka());
  EXPECT_THAT(pipeline().Joined(), ElementsAre("123 JOHN john-John", "789 GMAIL gmail-Bob"));
  EXPECT_EQ(pipeline().TotalAccount()[Outcome::kFiltered], 1U);
}

TEST_F(JoinTest, TwoReplicasShareTheShardsAndOneLosesItsDisk) {
  pipeline().document["resources"]["shards"] = 4;
  pipeline().StartSource("left");
  pipeline().StartSource("right");
  pipeline().StartSink();
  pipeline().StartJoin(pipeline().join(), 0, 2);
  pipeline().StartJoin(pipeline().second_join(), 1, 2);
  std::vector<std::string> lefts;
  std::vector<std::string> rights;
  for (int id = 0; id < 200; ++id) {
    lefts.push_back(Record(fmt::format("{}", id), "l"));
    rights.push_back(Record(fmt::format("{}", id), "r"));
  }
  ProduceLeft(lefts);
  WaitFor("both have rows", [&] {
    const double first = Metric("penstock_join_rows_in_total");
    const double second = pipeline().second_join().Metrics().Sum("penstock_join_rows_in_total");
    return first > 0 && second > 0 && first + second == 200;
  });
  pipeline().WaitForJoinCommits(kafka());
  pipeline().second_join().Kill9();
  std::filesystem::remove_all(pipeline().JoinFolder(1));
  pipeline().StartJoin(pipeline().second_join(), 1, 2);
  ProduceRight(rights);
  pipeline().WaitForRows(200);
  pipeline().WaitForJoinCommits(kafka());
  EXPECT_EQ(pipeline().Rows(), 200U);
  EXPECT_EQ(pipeline().clickhouse().Number("SELECT uniqExact(id) FROM " + pipeline().table()),
            200U);
  EXPECT_GT(pipeline().second_join().Metrics().Sum("penstock_state_rebuild_seconds_count"), 0);
}

// For those who want even the loss of JetStream to cost nothing: what may still be joined stays
// uncommitted.
TEST_F(JoinTest, TheCommitMayWaitForTheWindow) {
  pipeline().SetWindows("12s", "1s");
  pipeline().document["join"]["commit"] = "window";
  pipeline().StartAll();
  ProduceLeft({Record("7", "a")});
  WaitUntilTaken("left", 1);
  ProduceLeft({Record("8", "b")});
  ProduceRight({Record("8", "S")});
  pipeline().WaitForRows(1);
  EXPECT_GT(pipeline().Lag(kafka(), "left"), 0) << "7 may still be joined";
  pipeline().WaitForJoinCommits(kafka());
}

TEST_F(JoinTest, ThenNotEvenTheLossOfJetStreamAndAllDisksLosesARow) {
  pipeline().document["join"]["commit"] = "window";
  pipeline().StartAll();
  ProduceLeft({Record("7", "a"), Record("8", "b")});
  ProduceRight({Record("9", "S")});
  WaitUntilTaken("left", 2);
  WaitUntilTaken("right", 1);
  pipeline().StopAll();
  pipeline().RemoveStreams();
  std::filesystem::remove_all(pipeline().JoinFolder(0));
  pipeline().StartAll();
  ProduceLeft({Record("9", "c")});
  ProduceRight({Record("7", "R")});
  pipeline().WaitForRows(2);
  EXPECT_THAT(pipeline().Joined(), ElementsAre("7 a R", "9 c S"));
}

}  // namespace
}  // namespace penstock::testing
