#include "ctl/status_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "views.h"

namespace penstock::ctl {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(StatusLine, HasRatesTotalsLagAndLatency) {
  const RunView earlier = RunAt(10, 1'000'000, 900'000);
  RunView later = RunAt(12, 1'500'000, 1'400'000);
  later.counts.dead_letters = 3;
  later.counts.latency.Add(0.5, 80);
  later.counts.latency.Add(1, 100);
  EXPECT_EQ(StatusLine(earlier, later, At(-60)),
            "1:12  in 250,000/s  inserted 250,000/s  lag 100,000  p50 312 ms  p95 875 ms  "
            "dead letters 3  total 1,400,000");
}

TEST(StatusLine, ShowsWhatATransformDoes) {
  RunView earlier = RunAt(10, 1'000'000, 400'000);
  RunView later = RunAt(12, 1'500'000, 600'000);
  later.processes.emplace_back().transforms = true;
  later.processes.back().reports = true;
  earlier.counts.transform_in = 1'000'000;
  earlier.counts.transform_out = 400'000;
  later.counts.transform_in = 1'400'000;
  later.counts.transform_out = 600'000;
  later.counts.rows_filtered = 750'000;
  later.counts.rows_duplicate = 50'000;
  EXPECT_EQ(StatusLine(earlier, later, At(0)),
            "0:12  in 250,000/s  transform 200,000/s → 100,000/s  inserted 100,000/s  lag 900,000  "
            "p50 -  p95 -  dead letters 0  filtered 750,000  duplicates 50,000  total 600,000");
}

TEST(StatusLine, OfAJoinTheTransformsKnowTheDuplicates) {
  RunView run = RunAt(12, 1'500'000, 600'000);
  run.processes.emplace_back().joins = true;
  run.processes.back().reports = true;
  run.counts.rows_filtered = 7;
  run.counts.transform_duplicate = 40;
  EXPECT_THAT(StatusLine(run, run, At(0)), HasSubstr("filtered 7  duplicates 40"));
}

TEST(StatusLine, WhatIsNotKnownIsNotInvented) {
  RunView run = RunAt(1, 0, 0);
  run.processes[0].partitions_known = 0;
  EXPECT_EQ(StatusLine(run, run, At(0)),
            "0:01  in 0/s  inserted 0/s  lag ?  p50 -  p95 -  dead letters 0  total 0");
}

TEST(StatusLine, TheLatencyIsThatOfTheLastInterval) {
  RunView earlier = RunAt(0, 10, 10);
  earlier.counts.latency.Add(1, 0);
  earlier.counts.latency.Add(8, 1'000);
  RunView later = RunAt(1, 20, 20);
  later.counts.latency.Add(1, 10);
  later.counts.latency.Add(8, 1'010);
  EXPECT_THAT(StatusLine(earlier, later, At(0)), HasSubstr("p95 950 ms"));
}

TEST(StatusLine, SaysWhatHoldsItUp) {
  RunView run = RunAt(1, 10, 0);
  run.processes[1].paused = {"schema"};
  run.processes[0].reports = false;
  EXPECT_THAT(StatusLine(run, run, At(0)), AllOf(StartsWith("0:01  paused: schema  in "),
                                                 EndsWith("  ingestor-0 does not answer")));
}

TEST(NumberText, IsForPeople) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(1234567.4), "1,234,567");
  EXPECT_EQ(SecondsText(0.0421), "42 ms");
  EXPECT_EQ(SecondsText(1.5), "1.50 s");
  EXPECT_EQ(SecondsText(250), "4 m 10 s");
}

}  // namespace
}  // namespace penstock::ctl
