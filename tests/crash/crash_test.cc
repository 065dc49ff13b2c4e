#include "crash/crash_test.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/wait.h"

namespace penstock::testing {

namespace {

std::uint64_t SeedOfThisRun() {
  const char* const given = std::getenv("PENSTOCK_CRASH_SEED");  // NOLINT(concurrency-mt-unsafe)
  return given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
}

}  // namespace

void CrashTest::SetUp() {
  PipelineTest::SetUp();
  seed_ = SeedOfThisRun();
  random_.seed(seed_);
  fmt::print("seed: PENSTOCK_CRASH_SEED={}\n", seed_);
}

void CrashTest::TearDown() {
  load_.reset();
  PipelineTest::TearDown();
}

PipelineHarness& CrashTest::NewLoadedPipeline() {
  PipelineHarness& pipeline =
      NewPipeline(NewTopic(kPartitions), {{"id", "uint64", "id", "UInt64"},
                                          {"text", "string", "text", "String"},
                                          {"amount", "float64", "amount", "Float64"},
                                          {"noise", "string", "noise", "String"},
                                          {"_partition", "", "partition", "UInt32"},
                                          {"_offset", "", "offset", "Int64"}});
  pipeline.document["resources"]["shards"] = 4;
  // The group waits for a dead member until its session ends; the usual 10 s make a long test.
  pipeline.document["sources"][0]["connection_params"]["properties"] = {
      {"session.timeout.ms", "3000"}, {"heartbeat.interval.ms", "500"}};
  pipeline.CreateTable();
  return pipeline;
}

Load& CrashTest::StartLoad(const PipelineHarness& pipeline, std::uint64_t backlog,
                           std::uint64_t per_second, std::uint64_t repeat_percent) {
  dropped_before_ = DroppedRepeats(pipeline.clickhouse());
  load_ = std::make_unique<Load>(servers().kafka, pipeline.topic(),
                                 Load::Options{.seed = seed_,
                                               .partitions = kPartitions,
                                               .backlog = backlog,
                                               .per_second = per_second,
                                               .repeat_percent = repeat_percent});
  return *load_;
}

std::chrono::milliseconds CrashTest::Random(std::chrono::milliseconds least,
                                            std::chrono::milliseconds most) {
  std::uniform_int_distribution<std::int64_t> draw(least.count(), most.count());
  return std::chrono::milliseconds(draw(random_));
}

void CrashTest::LetPass(std::chrono::milliseconds least, std::chrono::milliseconds most) {
  WaitUntil(SystemClock().Now() + Random(least, most), {});
}

void CrashTest::WaitUntilItReads(ServiceProcess& ingestor) {
  WaitFor(ingestor.name() + " reads",
          [&] { return ingestor.Metrics().Sum("penstock_ingestor_rows_in_total") > 0; });
}

void CrashTest::ExpectEachExactlyOnce(PipelineHarness& pipeline, std::string_view what,
                                      Clock::Duration patience) {
  const std::uint64_t records = load_->Finish();
  const Clock::Time waiting_since = SystemClock().Now();
  pipeline.WaitForRows(records, patience);
  pipeline.WaitForCommits(kafka());
  const std::chrono::duration<double> waited = SystemClock().Now() - waiting_since;
  const ClickHouse& clickhouse = pipeline.clickhouse();
  const std::uint64_t rows = pipeline.Rows();
  const std::uint64_t distinct = clickhouse.Number("SELECT uniqExact(id) FROM " + pipeline.table());
  const std::uint64_t dropped = DroppedRepeats(clickhouse);
  fmt::print(
      "{}: {} records, {} lost, {} repeated ({} inserts came twice); all there {:.1f} s after "
      "the last was sent\n",
      what, records, records - distinct, rows - distinct,
      dropped - std::min(dropped, dropped_before_), waited.count());
  EXPECT_EQ(rows, records) << what;
  EXPECT_EQ(distinct, records) << what;
  EXPECT_EQ(clickhouse.Number("SELECT uniqExact(partition, offset) FROM " + pipeline.table()),
            records);
  EXPECT_EQ(clickhouse.Number(fmt::format(
                "SELECT countIf(NOT startsWith(text, concat('row ', toString(id), ' '))) FROM {}",
                pipeline.table())),
            0U);
  EXPECT_EQ(pipeline.Committed(kafka()), static_cast<std::int64_t>(records));
  ExpectCleanRecords(pipeline, records);
  if (HasFailure()) PrintDifferences(pipeline);
}

void CrashTest::ExpectEachKeyExactlyOnce(PipelineHarness& pipeline, std::string_view what,
                                         const std::function<bool(std::uint64_t id)>& kept) {
  const std::uint64_t records = load_->Finish();
  std::uint64_t expected = 0;
  std::uint64_t sum = 0;
  for (std::uint64_t id = 0; id < load_->distinct(); ++id) {
    if (!kept(id)) continue;
    ++expected;
    sum += id;
  }
  pipeline.WaitForRows(expected, std::chrono::seconds(90));
  pipeline.WaitForCommits(kafka(), std::chrono::seconds(90));
  const ClickHouse& clickhouse = pipeline.clickhouse();
  const std::uint64_t rows = pipeline.Rows();
  const std::uint64_t distinct = clickhouse.Number("SELECT uniqExact(id) FROM " + pipeline.table());
  const Account account = pipeline.TotalAccount();
  fmt::print(
      "{}: {} records of {} ids, {} kept by the filter: {} lost, {} repeated; {} filtered, {} "
      "duplicates\n",
      what, records, load_->distinct(), expected, expected - distinct, rows - distinct,
      account[Outcome::kFiltered], account[Outcome::kDuplicate]);
  EXPECT_EQ(rows, expected) << what;
  EXPECT_EQ(distinct, expected) << what;
  EXPECT_EQ(clickhouse.Number("SELECT sum(id) FROM " + pipeline.table()), sum);
  EXPECT_EQ(account[Outcome::kRow], expected);
  EXPECT_EQ(account[Outcome::kRow] + account[Outcome::kFiltered] + account[Outcome::kDuplicate],
            records);
  EXPECT_TRUE(pipeline.DeadLetters().empty());
  if (!streams_lose_messages_) {
    EXPECT_EQ(pipeline.sink().Metrics().Sum("penstock_sections_refused_total"), 0);
  }
}

// The commits are asked first: rows that come in between cannot make them look better.
std::uint64_t CrashTest::DroppedRepeats(const ClickHouse& clickhouse) {
  return clickhouse.Number(
      "SELECT sum(value) FROM system.events WHERE event = 'DuplicatedInsertedBlocks'");
}

// The account that the sinks keep, in the same writes that move their positions.
void CrashTest::ExpectCleanRecords(PipelineHarness& pipeline, std::uint64_t records) {
  Account total;
  for (const auto& [shard, record] : pipeline.ShardRecords()) {
    EXPECT_TRUE(record.intents.empty()) << "shard " << shard;
    for (const auto& [origin, progress] : record.progress) total += progress.account;
  }
  EXPECT_EQ(total[Outcome::kRow], records);
  EXPECT_EQ(total[Outcome::kDeadLetter] + total[Outcome::kFiltered] + total[Outcome::kDuplicate],
            0U);
  EXPECT_TRUE(pipeline.DeadLetters().empty());
  if (!streams_lose_messages_) {
    EXPECT_EQ(pipeline.sink().Metrics().Sum("penstock_sections_refused_total"), 0);
  }
}

// Where repeats are and where rows are missing, for whoever looks for the reason.
void CrashTest::PrintDifferences(const PipelineHarness& pipeline) {
  const auto lines = pipeline.clickhouse().Lines(fmt::format(
      "SELECT 'repeated', partition, min(offset), max(offset), count() FROM (SELECT partition, "
      "offset FROM {0} GROUP BY partition, offset HAVING count() > 1) GROUP BY partition UNION ALL "
      "SELECT 'missing after', partition, offset, next, next - offset - 1 FROM (SELECT partition, "
      "offset, leadInFrame(offset) OVER (PARTITION BY partition ORDER BY offset ROWS BETWEEN "
      "CURRENT ROW AND 1 FOLLOWING) AS next FROM {0}) WHERE next > offset + 1 LIMIT 50",
      pipeline.table()));
  for (const std::string& line : lines) fmt::print("{}\n", line);
}

}  // namespace penstock::testing
