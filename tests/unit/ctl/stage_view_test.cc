#include "ctl/stage_view.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/pipeline_run.h"
#include "views.h"

namespace penstock::ctl {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ReadPage, KnowsTheNamesOfTheStages) {
  const auto page = MetricsPage::Parse(
      "penstock_ingestor_rows_in_total{stage=\"ingestor\"} 100\n"
      "penstock_ingestor_rows_dead_lettered_total{reason=\"parse_error\"} 2\n"
      "penstock_ingestor_rows_dead_lettered_total{reason=\"schema_mismatch\"} 1\n"
      "penstock_ingestor_rows_in_flight 7\n"
      "penstock_kafka_lag_rows{partition=\"0\"} 5\n"
      "penstock_kafka_lag_rows{partition=\"1\"} 6\n"
      "penstock_kafka_assigned_partitions 3\n"
      "penstock_transform_rows_in_total 95\n"
      "penstock_transform_rows_out_total 93\n"
      "penstock_transform_rows_duplicate_total 2\n"
      "penstock_transform_rows_dead_lettered_total{reason=\"expression_error\"} 1\n"
      "penstock_join_rows_dead_lettered_total{reason=\"record_too_large\"} 4\n"
      "penstock_sink_rows_out_total 90\n"
      "penstock_sink_rows_filtered_total 4\n"
      "penstock_sink_rows_dead_lettered_total{reason=\"sink_rejection\"} 3\n"
      "penstock_sink_rows_in_flight -2\n"
      "penstock_sink_paused{reason=\"schema\"} 1\n"
      "penstock_sink_paused{reason=\"access\"} 0\n"
      "penstock_end_to_end_seconds_bucket{le=\"1\"} 8\n"
      "penstock_end_to_end_seconds_bucket{le=\"+Inf\"} 9\n");
  ASSERT_TRUE(page.ok());
  ProcessView view;
  ReadPage(page.value(), view);
  EXPECT_EQ(view.counts.rows_in, 100);
  EXPECT_EQ(view.counts.rows_inserted, 90);
  EXPECT_EQ(view.counts.rows_filtered, 4);
  EXPECT_EQ(view.counts.transform_in, 95);
  EXPECT_EQ(view.counts.transform_out, 93);
  EXPECT_TRUE(view.transforms);
  EXPECT_EQ(view.counts.transform_duplicate, 2);
  EXPECT_EQ(view.counts.dead_letters, 11);
  EXPECT_EQ(view.counts.latency.count(), 9);
  EXPECT_EQ(view.lag_rows, 11);
  EXPECT_EQ(view.partitions, 3U);
  EXPECT_EQ(view.partitions_known, 2U);
  EXPECT_EQ(view.rows_in_flight, 7);
  EXPECT_THAT(view.paused, ElementsAre("schema"));
}

TEST(LifetimeCounts, ARestartTakesNothingAway) {
  LifetimeCounts counts;
  ProcessView view = Ingestor(100, 0);
  counts.Update(view);
  view.counts.rows_in = 150;
  counts.Update(view);
  ProcessView silent = view;
  silent.reports = false;
  silent.counts = {};
  counts.Update(silent);
  EXPECT_EQ(counts.total().rows_in, 150) << "it only did not answer";
  silent.starts = 2;
  counts.Update(silent);
  EXPECT_EQ(counts.total().rows_in, 150);
  view.starts = 2;
  view.counts.rows_in = 10;
  counts.Update(view);
  EXPECT_EQ(counts.total().rows_in, 160);
}

TEST(RunView, TheLagIsKnownOnlyOfAllPartitionsTogether) {
  RunView run = RunAt(0, 10, 4);
  run.processes.push_back(Ingestor(0, 5));
  EXPECT_EQ(run.LagRows(), 11);
  run.processes.back().partitions_known = 2;
  EXPECT_FALSE(run.LagRows().has_value());
  EXPECT_FALSE(RunView().LagRows().has_value());
}

// A run that is idle at every moment is idle after exactly the time that was asked for.
TEST(IdleWatch, ItTakesTheWholeTime) {
  IdleWatch watch(seconds(5));
  EXPECT_FALSE(watch.Update(RunAt(0, 10, 10)));
  EXPECT_FALSE(watch.Update(RunAt(1, 10, 10)));
  EXPECT_FALSE(watch.Update(RunAt(5.9, 10, 10)));
  EXPECT_TRUE(watch.Update(RunAt(6, 10, 10)));
}

TEST(IdleWatch, ATopicWithoutRecordsIsIdleToo) {
  IdleWatch watch(seconds(1));
  EXPECT_FALSE(watch.Update(RunAt(0, 0, 0)));
  EXPECT_FALSE(watch.Update(RunAt(1, 0, 0)));
  EXPECT_TRUE(watch.Update(RunAt(2, 0, 0)));
}

// Each of these, for one look only, starts the time again.
TEST(IdleWatch, AnySignOfWorkOrTroubleStartsAgain) {
  using Change = void (*)(RunView&);
  const Change changes[] = {
      [](RunView& run) { run.processes[0].lag_rows = 1; },
      [](RunView& run) { run.processes[0].lag_rows.reset(); },
      [](RunView& run) { run.processes[0].partitions_known = 2; },
      [](RunView& run) { run.processes[0].rows_in_flight = 1; },
      [](RunView& run) { run.processes[1].rows_in_flight = 1; },
      [](RunView& run) { run.processes[1].reports = false; },
      [](RunView& run) { run.processes[1].why_not_ready = {"not ready: nats: away"}; },
      [](RunView& run) { run.counts.rows_in += 1; },
  };
  for (std::size_t i = 0; i < std::size(changes); ++i) {
    SCOPED_TRACE(i);
    IdleWatch watch(seconds(5));
    EXPECT_FALSE(watch.Update(RunAt(0, 10, 10)));
    EXPECT_FALSE(watch.Update(RunAt(1, 10, 10)));
    RunView changed = RunAt(4, 10, 10);
    changes[i](changed);
    EXPECT_FALSE(watch.Update(changed));
    EXPECT_FALSE(watch.Update(RunAt(5, 10, 10)));
    EXPECT_FALSE(watch.Update(RunAt(7, 10, 10)));
    EXPECT_TRUE(watch.Update(RunAt(12, 10, 10)));
  }
}

TEST(WhyNotIdle, SaysWhatItWaitsFor) {
  RunView run = RunAt(0, 10, 4);
  EXPECT_EQ(WhyNotIdle(run), "6 rows are not confirmed");
  run.processes[1].why_not_ready = {"shards: a gap"};
  EXPECT_THAT(WhyNotIdle(run), HasSubstr("sink-0 is not ready: shards: a gap"));
  EXPECT_EQ(WhyNotIdle(RunAt(0, 10, 10)), "");
}

// Start-up, and the wait for being sure that all is done, are not work.
TEST(ActiveTime, RunsFromTheFirstRecordToTheLastOneThatCameToItsEnd) {
  ActiveTime active;
  active.Update(RunAt(0, 0, 0));
  active.Update(RunAt(3, 0, 0));
  EXPECT_EQ(active.Seconds(), 0);
  active.Update(RunAt(4, 50, 0));
  active.Update(RunAt(5, 100, 60));
  active.Update(RunAt(7, 100, 100));
  active.Update(RunAt(30, 100, 100));
  EXPECT_DOUBLE_EQ(active.Seconds(), 4);
  active.Prolong(At(9));
  EXPECT_DOUBLE_EQ(active.Seconds(), 6);
}

TEST(ActiveTime, ASinkMayBeginWithWhatAnEarlierRunHasRead) {
  ActiveTime active;
  active.Update(RunAt(0, 0, 0));
  active.Update(RunAt(1, 0, 50));
  active.Update(RunAt(9, 10, 60));
  EXPECT_DOUBLE_EQ(active.Seconds(), 9);
}

}  // namespace
}  // namespace penstock::ctl
