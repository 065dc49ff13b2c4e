#include "ctl/table_comparison.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace penstock::ctl {
namespace {

TEST(OffsetRuns, AreShort) {
  std::vector<OffsetRun> runs;
  for (const std::int64_t offset : {3, 17, 18, 19, 40}) AddOffset(runs, Offset(offset));
  EXPECT_EQ(ToText(runs), "3, 17-19, 40");
  for (std::int64_t offset = 50; offset < 500; offset += 2) AddOffset(runs, Offset(offset));
  EXPECT_EQ(runs.size(), 228U);
  EXPECT_TRUE(ToText(runs).ends_with(", 82, …"));
}

ColumnPlan Column(std::string field, std::string name, bool metadata) {
  ColumnPlan column;
  column.field = std::move(field);
  column.column_name = std::move(name);
  column.metadata = metadata;
  return column;
}

TEST(PlaceColumns, AreThoseThatTheMappingNames) {
  PipelinePlan plan;
  plan.columns.push_back(Column("_offset", "o", true));
  plan.columns.push_back(Column("_partition", "declared", false));
  EXPECT_FALSE(PlaceColumnsOf(plan).Tell()) << "a field of the record that is called so";
  plan.columns.push_back(Column("_partition", "p", true));
  const PlaceColumns columns = PlaceColumnsOf(plan);
  EXPECT_TRUE(columns.Tell());
  EXPECT_EQ(columns.topic, "");
  EXPECT_EQ(columns.partition, "`p`");
}

}  // namespace
}  // namespace penstock::ctl
