#include "ctl/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/node.h"

namespace penstock::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Summary Example() {
  Summary summary;
  summary.pipeline_id = "orders \"1\"";
  summary.ended = "idle";
  summary.exact = true;
  summary.rows_in = 2'000'000;
  summary.rows_inserted = 1'999'990;
  summary.dead_letters = 10;
  summary.rows_duplicate = 1'234;
  summary.seconds = 8;
  summary.run_seconds = 15.5;
  summary.latency_p50_seconds = 0.25;
  summary.latency_p95_seconds = 1.5;
  summary.processes = {
      {.name = "ingestor-0",
       .stage = "ingestor",
       .starts = 1,
       .cpu_seconds = 3.2,
       .peak_resident_bytes = 100 << 20},
      {.name = "sink-0", .stage = "sink", .starts = 3, .cpu_seconds = 1, .peak_resident_bytes = 1},
      {.name = "sink-1",
       .stage = "sink",
       .starts = 1,
       .cpu_seconds = 0.6,
       .peak_resident_bytes = 50 << 20}};
  return summary;
}

std::string At(const config::Node& root, const std::string& path) {
  const config::Node* const node = config::FindPath(root, path);
  return node == nullptr ? "(none)" : node->text;
}

TEST(Summary, TheTextHasTheNumbersOfEachProcess) {
  const std::string text = SummaryText(Example());
  EXPECT_THAT(
      text, AllOf(HasSubstr("rows in        2,000,000\n"), HasSubstr("rows inserted  1,999,990\n"),
                  HasSubstr("duplicates     1,234\n"), HasSubstr("rows a second  250,000\n"),
                  HasSubstr("p50 250 ms, p95 1.50 s"), Not(HasSubstr("as the processes"))));
  EXPECT_THAT(text, HasSubstr("ingestor-0         3.20           1.60      100 MiB       1\n"));
}

TEST(Summary, LongNamesOfProcessesHaveRoom) {
  Summary summary = Example();
  summary.processes[0].name = "transform-clicks-0";
  const std::string text = SummaryText(summary);
  EXPECT_THAT(text, AllOf(HasSubstr("process               CPU s"),
                          HasSubstr("transform-clicks-0     3.20           1.60"),
                          HasSubstr("sink-0                 1.00")));
}

TEST(Summary, WhatIsOnlyCountedIsSaidToBe) {
  Summary summary = Example();
  summary.exact = false;
  EXPECT_THAT(SummaryText(summary), HasSubstr("as the processes counted"));
}

TEST(Summary, TheJsonAddsUpTheProcessesOfAStage) {
  const std::string json = SummaryJson(Example());
  std::vector<config::Fault> faults;
  const auto root = config::ParseNode(json, faults);
  ASSERT_TRUE(root.has_value()) << config::FaultsAsText(faults, "") << json;
  EXPECT_EQ(At(*root, "pipeline_id"), "orders \"1\"");
  EXPECT_EQ(At(*root, "rows_inserted"), "1999990");
  EXPECT_EQ(At(*root, "rows_per_second"), "250000.0");
  EXPECT_EQ(At(*root, "stages[1].name"), "sink");
  EXPECT_EQ(At(*root, "stages[1].starts"), "4");
  EXPECT_EQ(At(*root, "stages[1].cpu_seconds"), "1.600");
  EXPECT_EQ(At(*root, "stages[1].cpu_seconds_per_million_rows"), "0.800");
  EXPECT_EQ(At(*root, "stages[1].peak_resident_bytes"), "52428800");
  EXPECT_EQ(At(*root, "processes[2].name"), "sink-1");
}

TEST(Summary, ARunWithoutRowsDividesByNothing) {
  Summary nothing;
  nothing.ended = "stopped";
  EXPECT_THAT(SummaryText(nothing), HasSubstr("rows a second  0\n"));
  std::vector<config::Fault> faults;
  const auto root = config::ParseNode(SummaryJson(nothing), faults);
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(At(*root, "latency_p50_seconds"), "");
}

}  // namespace
}  // namespace penstock::ctl
