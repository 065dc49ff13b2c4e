#include "ctl/metrics_page.h"

#include <cmath>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "telemetry/metrics.h"

namespace penstock::ctl {
namespace {

using testing::HasSubstr;

MetricsPage Parsed(std::string_view text) {
  auto page = MetricsPage::Parse(text);
  EXPECT_TRUE(page.ok()) << (page.ok() ? "" : page.error().detail);
  return page.ok() ? std::move(page).value() : MetricsPage();
}

// What the services write is what this reads.
TEST(MetricsPage, ReadsWhatTheServicesExpose) {
  Metrics metrics({{"pipeline", "a \"b\"\\\n"}, {"stage", "sink"}});
  const Counter first = metrics.AddCounter("penstock_t_rows_total", "Rows.", {{"shard", "1"}});
  const Counter second = metrics.AddCounter("penstock_t_rows_total", "Rows.", {{"shard", "2"}});
  const Histogram seconds =
      metrics.AddHistogram("penstock_t_seconds", "Seconds.", SecondsBuckets());
  first.Add(1'234'567'890'123.0);
  second.Add(0.5);
  for (int i = 0; i < 10; ++i) seconds.Observe(0.02);
  seconds.Observe(1e9);
  const MetricsPage page = Parsed(metrics.Expose());
  EXPECT_DOUBLE_EQ(page.Sum("penstock_t_rows_total").value_or(-1), 1'234'567'890'123.5);
  ASSERT_EQ(page.Find("penstock_t_rows_total").size(), 2U);
  EXPECT_EQ(page.Find("penstock_t_rows_total")[1].label("shard"), "2");
  EXPECT_EQ(page.Find("penstock_t_rows_total")[0].label("pipeline"), "a \"b\"\\\n");
  EXPECT_DOUBLE_EQ(page.Buckets("penstock_t_seconds").count(), 11);
  EXPECT_LT(*page.Buckets("penstock_t_seconds").Quantile(0.5), 0.05);
  EXPECT_GT(page.Sum("process_resident_memory_bytes").value_or(0), 0);
}

TEST(MetricsPage, ReadsAllThatTheFormatAllows) {
  const MetricsPage page = Parsed(
      "# HELP a b\n\n  # TYPE a gauge\r\n a{} 1\na{ x = \"}\" , y=\"\", } +Inf 1700000000000\n"
      "b NaN\nc -2.5e-3");
  EXPECT_TRUE(std::isinf(page.Sum("a").value_or(0)));
  EXPECT_EQ(page.Find("a")[1].label("x"), "}");
  EXPECT_EQ(page.Find("a")[1].label("nothing"), "");
  EXPECT_TRUE(std::isnan(page.Sum("b").value_or(0)));
  EXPECT_DOUBLE_EQ(page.Sum("c").value_or(0), -0.0025);
  EXPECT_FALSE(page.Sum("d").has_value());
}

TEST(MetricsPage, WhatIsNoMetricIsAnErrorWithItsLine) {
  for (const std::string_view bad :
       {"{a=\"b\"} 1", "a{x} 1", "a{x=1} 1", "a{x=\"1} 1", "a", "a one", "<html>", "a{x=\"\\"}) {
    const auto page = MetricsPage::Parse(fmt::format("good 1\n{}\n", bad));
    ASSERT_FALSE(page.ok()) << bad;
    EXPECT_EQ(page.error().code, "metrics");
    EXPECT_THAT(page.error().detail, HasSubstr("line 2")) << bad;
  }
}

TEST(MetricsPage, NoBytesAreTooMuch) {
  constexpr std::string_view kAlphabet = "ab_{}=\",\\ 1.e+#\n\t\xff";
  for (unsigned seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937 random(seed);
    std::string text;
    for (auto left = random() % 60; left > 0; --left) {
      text.push_back(kAlphabet[random() % kAlphabet.size()]);
    }
    const auto page = MetricsPage::Parse(text);
    EXPECT_TRUE(!page.ok() || !page.value().Sum(""));
  }
}

}  // namespace
}  // namespace penstock::ctl
