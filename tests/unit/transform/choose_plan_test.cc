#include "transform/choose_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::transform {
namespace {

using ::testing::HasSubstr;

TransformPlan PlanOf(const std::string& source_id) {
  TransformPlan plan;
  plan.source_id = source_id;
  return plan;
}

PipelinePlan PipelineOf(const std::vector<std::string>& sources) {
  PipelinePlan plan;
  for (const std::string& source_id : sources) plan.sources.emplace_back().source_id = source_id;
  return plan;
}

std::string Chosen(const PipelinePlan& plan, const std::string& source_id) {
  const auto chosen = ChoosePlan(plan, source_id);
  if (!chosen.ok()) return chosen.error().detail;
  return chosen.value() == nullptr ? "none" : chosen.value()->source_id;
}

TEST(ChoosePlanTest, TheTransformOfASingleSource) {
  PipelinePlan plan = PipelineOf({"orders"});
  EXPECT_EQ(Chosen(plan, ""), "none");
  plan.transform = PlanOf("orders");
  EXPECT_EQ(Chosen(plan, ""), "orders");
  EXPECT_EQ(Chosen(plan, "orders"), "orders");
  EXPECT_THAT(Chosen(plan, "order"), HasSubstr("it has orders"));
}

TEST(ChoosePlanTest, TheDedupOfASideOfAJoin) {
  PipelinePlan plan = PipelineOf({"clicks", "users"});
  plan.join.emplace();
  EXPECT_EQ(Chosen(plan, ""), "none");
  plan.join->right.dedup = PlanOf("users");
  EXPECT_EQ(Chosen(plan, ""), "users");
  EXPECT_EQ(Chosen(plan, "clicks"), "none") << "its rows go to the join as they are";
  plan.join->left.dedup = PlanOf("clicks");
  EXPECT_EQ(Chosen(plan, "clicks"), "clicks");
  EXPECT_EQ(Chosen(plan, "users"), "users");
  EXPECT_THAT(Chosen(plan, ""), HasSubstr("--source is needed: one of clicks, users"));
  EXPECT_THAT(Chosen(plan, "x"), HasSubstr("it has clicks, users"));
}

}  // namespace
}  // namespace penstock::transform
