#include "telemetry/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "base/thread.h"

namespace penstock {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MetricsTest, TextFormatWithHelpTypeAndLabels) {
  Metrics metrics({{"pipeline", "orders"}, {"stage", "sink"}});
  const Counter rows = metrics.AddCounter("penstock_sink_rows_in_total", "Rows read.");
  rows.Add(2);
  rows.Add(std::size_t{40});
  rows.Add();
  metrics.AddGauge("penstock_sink_paused", "1 while inserts pause.", {{"reason", "auth"}})
      .Set(true);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text,
              HasSubstr("# HELP penstock_sink_rows_in_total Rows read.\n"
                        "# TYPE penstock_sink_rows_in_total counter\n"
                        "penstock_sink_rows_in_total{pipeline=\"orders\",stage=\"sink\"} 43\n"));
  EXPECT_THAT(
      text,
      HasSubstr("penstock_sink_paused{pipeline=\"orders\",stage=\"sink\",reason=\"auth\"} 1\n"));
}

TEST(MetricsTest, AHistogramsBucketsHoldTheirUpperBound) {
  Metrics metrics;
  const Buckets buckets = {1, 10, 100};
  const Histogram one = metrics.AddHistogram("penstock_a_seconds", "A.", buckets);
  const Histogram two = metrics.AddHistogram("penstock_b_seconds", "B.", buckets);
  Tally tally(buckets);
  for (const double value : {0.5, 1.0, 1.5, 10.0, 11.0, 1000.0}) {
    one.Observe(value);
    tally.Add(value);
  }
  EXPECT_EQ(tally.count(), 6U);
  two.Observe(tally);
  EXPECT_EQ(tally.count(), 0U);
  two.Observe(tally);  // Empty by now: changes nothing.
  const std::string text = metrics.Expose();
  for (const char name : {'a', 'b'}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("penstock_{0}_seconds_count 6\n"
                                            "penstock_{0}_seconds_sum 1024\n"
                                            "penstock_{0}_seconds_bucket{{le=\"1\"}} 2\n"
                                            "penstock_{0}_seconds_bucket{{le=\"10\"}} 4\n"
                                            "penstock_{0}_seconds_bucket{{le=\"100\"}} 5\n"
                                            "penstock_{0}_seconds_bucket{{le=\"+Inf\"}} 6\n",
                                            name)));
  }
}

TEST(MetricsTest, TheSameNameAndLabelsAreTheSameSeries) {
  Metrics metrics;
  const auto add = [&](const char* reason) {
    return metrics.AddCounter("penstock_x_rows_total", "Rows.", {{"reason", reason}});
  };
  add("a").Add(1);
  add("b").Add(5);
  add("a").Add(2);
  EXPECT_EQ(add("a").value(), 3);
  EXPECT_EQ(add("b").value(), 5);
}

TEST(MetricsTest, ACounterNeverFallsNorTurnsIntoNothing) {
  Metrics metrics;
  const Counter counter = metrics.AddCounter("penstock_x_rows_total", "Rows.");
  counter.Add(7);
  counter.Add(-3);
  counter.Add(0.0 / 0.0);
  EXPECT_EQ(counter.value(), 7);
}

TEST(MetricsTest, HandlesMadeByDefaultCountNothing) {
  Counter().Add(1);
  Gauge().Set(1);
  Histogram().Observe(1);
  EXPECT_EQ(Counter().value(), 0);
}

TEST(MetricsTest, ARemovedGaugeIsGoneAndCanComeBack) {
  Metrics metrics;
  const auto add = [&](int partition) {
    return metrics.AddGauge("penstock_kafka_lag_rows", "Lag.",
                            {{"partition", std::to_string(partition)}});
  };
  Gauge first = add(0);
  const Gauge second = add(1);
  first.Set(5);
  second.Set(6);
  metrics.Remove(first);
  first.Set(9);  // An empty handle by now.
  EXPECT_THAT(metrics.Expose(), Not(HasSubstr("partition=\"0\"")));
  EXPECT_THAT(metrics.Expose(), HasSubstr("penstock_kafka_lag_rows{partition=\"1\"} 6\n"));
  add(0).Set(7);
  EXPECT_THAT(metrics.Expose(), HasSubstr("penstock_kafka_lag_rows{partition=\"0\"} 7\n"));
}

TEST(MetricsTest, TheNumberOfSeriesIsBounded) {
  Metrics metrics;
  for (std::size_t i = 0; i < Metrics::kMaxSeries + 100; ++i) {
    metrics.AddCounter("penstock_x_rows_total", "Rows.", {{"reason", std::to_string(i)}}).Add(1);
  }
  const std::string text = metrics.Expose();
  std::size_t series = 0;
  for (auto at = text.find("\npenstock_x_rows_total{"); at != text.npos;
       at = text.find("\npenstock_x_rows_total{", at + 1)) {
    ++series;
  }
  EXPECT_EQ(series, Metrics::kMaxSeries);
  EXPECT_THAT(text, HasSubstr("penstock_x_rows_total{reason=\"other\"} 101\n"));
}

TEST(MetricsTest, LabelValuesAreEscapedAndNeverBreakTheScrape) {
  Metrics metrics;
  metrics.AddGauge("penstock_x_rows", "Rows.", {{"topic", "a\"b\\c\nd"}}).Set(1);
  metrics.AddGauge("penstock_x_rows", "Rows.", {{"topic", "\xff"}}).Set(2);
  const std::string text = metrics.Expose();
  EXPECT_THAT(text, HasSubstr(R"(penstock_x_rows{topic="a\"b\\c\nd"} 1)"));
  EXPECT_THAT(text, HasSubstr("penstock_x_rows{topic=\"invalid\"} 2\n"));
}

TEST(MetricsTest, CollectorsRunAtEachScrapeAsLongAsTheyLive) {
  Metrics metrics;
  int runs = 0;
  const Gauge gauge = metrics.AddGauge("penstock_x_rows", "Rows.");
  {
    const Metrics::Collector collector = metrics.OnScrape([&] { gauge.Set(++runs); });
    EXPECT_THAT(metrics.Expose(), HasSubstr("penstock_x_rows 1\n"));
    EXPECT_THAT(metrics.Expose(), HasSubstr("penstock_x_rows 2\n"));
  }
  EXPECT_THAT(metrics.Expose(), HasSubstr("penstock_x_rows 2\n"));
}

TEST(MetricsTest, TheProcessAndItsBuildAreThere) {
  const Metrics metrics(MetricLabels{{"stage", "sink"}});
  const std::string text = metrics.Expose();
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_threads", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr(fmt::format("\n{} ", name)));
  }
  EXPECT_THAT(text, HasSubstr(fmt::format(
                        "penstock_build_info{{stage=\"sink\",version=\"{}\"}} 1\n", Version())));
}

TEST(MetricsDeathTest, AMetricThatContradictsItselfIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Metrics metrics;
  metrics.AddGauge("penstock_x_rows", "Rows.");
  EXPECT_DEATH(metrics.AddHistogram("penstock_x_rows", "Rows.", {1}), "keeps its type");
  EXPECT_DEATH(metrics.AddGauge("penstock_x_rows", "Other."), "keeps its help");
  EXPECT_DEATH(metrics.AddGauge("penstock_x_rows", "Rows.", {{"a", "b"}}), "label names");
  EXPECT_DEATH(metrics.AddCounter("penstock_x_read", "Rows."), "_total");
  EXPECT_DEATH(metrics.AddGauge("rows", "Rows."), "penstock_");
}

TEST(MetricsTest, ThreadsCountTogetherWhileOthersScrape) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  Metrics metrics;
  const Buckets buckets = {1};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.push_back(StartThread("counter", [&](std::stop_token) {
        for (int i = 0; i < kRounds; ++i) {
          metrics.AddCounter("penstock_x_rows_total", "Rows.").Add(1);
          metrics.AddHistogram("penstock_x_seconds", "Seconds.", buckets).Observe(0.5);
          if (i % 500 == 0) metrics.Expose();
        }
      }));
    }
  }
  EXPECT_THAT(metrics.Expose(), HasSubstr("penstock_x_rows_total 8000\n"));
  EXPECT_THAT(metrics.Expose(), HasSubstr("penstock_x_seconds_count 8000\n"));
}

}  // namespace
}  // namespace penstock
