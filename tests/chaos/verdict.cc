#include "chaos/verdict.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "base/format.h"
#include "chaos/chaos_world.h"

namespace penstock::testing {

namespace {

constexpr std::uint64_t kMiB = 1 << 20;
/// docs/architecture.md: a process stays below this at full rate, however large the backlog.
constexpr std::uint64_t kMostMemory = 512 * kMiB;

struct Counts {
  std::uint64_t records = 0;
  std::uint64_t expected = 0;  ///< Keys that the filter keeps.
  std::uint64_t rows = 0;
  std::uint64_t keys = 0;   ///< Different ones among the rows.
  std::uint64_t wrong = 0;  ///< Rows that nobody sent, or with another text.
};

Counts Count(ChaosWorld& world) {
  Counts counts{.records = world.load().sent()};
  const std::uint64_t distinct = world.load().distinct();
  for (std::uint64_t id = 0; id < distinct; ++id) {
    if (ChaosWorld::Kept(id)) ++counts.expected;
  }
  const ClickHouse& clickhouse = world.pipeline().clickhouse();
  const std::string table = world.pipeline().table();
  counts.rows = world.pipeline().Rows();
  counts.keys = clickhouse.Number("SELECT uniqExact(id) FROM " + table);
  counts.wrong = clickhouse.Number(
      fmt::format("SELECT countIf(id >= {} OR id % 11 = 5 OR NOT startsWith(text, concat('row ', "
                  "toString(id), ' '))) FROM {}",
                  distinct, table));
  return counts;
}

void ExpectTheAccount(ChaosWorld& world, const Counts& counts) {
  const Account account = world.pipeline().TotalAccount();
  fmt::print("account: {} rows + {} filtered + {} duplicates + {} dead letters of {} records\n",
             account[Outcome::kRow], account[Outcome::kFiltered], account[Outcome::kDuplicate],
             account[Outcome::kDeadLetter], counts.records);
  EXPECT_EQ(account[Outcome::kRow], counts.expected);
  EXPECT_EQ(account[Outcome::kDeadLetter], 0U);
  EXPECT_EQ(account[Outcome::kRow] + account[Outcome::kFiltered] + account[Outcome::kDuplicate],
            counts.records);
  EXPECT_TRUE(world.pipeline().DeadLetters().empty());
}

// Where repeats are and where keys are missing, for whoever looks for the reason.
void PrintDifferences(ChaosWorld& world) {
  const auto lines = world.pipeline().clickhouse().Lines(fmt::format(
      "SELECT 'repeated', partition, min(offset), max(offset), uniqExact(id) FROM (SELECT id, "
      "partition, offset FROM {0} WHERE id IN (SELECT id FROM {0} GROUP BY id HAVING count() > 1)) "
      "GROUP BY partition ORDER BY partition UNION ALL SELECT 'missing', min(number), max(number), "
      "count(), 0 FROM (SELECT number FROM numbers({1}) WHERE number % 11 != 5 AND number NOT IN "
      "(SELECT id FROM {0})) HAVING count() > 0",
      world.pipeline().table(), world.load().distinct()));
  for (const std::string& line : lines) fmt::print("{}\n", line);
}

void PrintFaults(ChaosWorld& world) {
  fmt::print("{:<22}{:>6}{:>10}\n", "fault", "done", "not done");
  for (const auto& [kind, times] : world.times()) {
    fmt::print("{:<22}{:>6}{:>10}\n", ToText(kind), times.done, times.skipped);
  }
}

void JudgeProcesses(ChaosWorld& world) {
  fmt::print("{:<22}{:>8}{:>18}{:>12}{:>10}\n", "process", "starts", "ended by itself", "bad stops",
             "most MiB");
  for (const ChaosWorld::Stage& stage : world.stages()) {
    for (const auto& replica : stage.replicas) {
      fmt::print("{:<22}{:>8}{:>18}{:>12}{:>10}\n", replica->name(), replica->starts(),
                 replica->ended_by_itself(), replica->bad_stops(),
                 replica->most_resident_bytes() / kMiB);
      EXPECT_EQ(replica->ended_by_itself(), 0) << replica->name();
      EXPECT_EQ(replica->bad_stops(), 0) << replica->name();
      EXPECT_LT(replica->most_resident_bytes(), kMostMemory) << replica->name();
      EXPECT_TRUE(replica->Settled()) << replica->name();
    }
  }
}

}  // namespace

void Judge(ChaosWorld& world, bool all_there) {
  EXPECT_TRUE(all_there) << "the group's lag is not 0 in time";
  PrintFaults(world);
  JudgeProcesses(world);
  const Counts counts = Count(world);
  fmt::print(
      "seed {}: {} records of {} keys, {} kept by the filter, {} rows: {} LOST, {} REPEATED, {} "
      "wrong; {}all there {:.1f} s after the last fault\n",
      world.options().seed, counts.records, world.load().distinct(), counts.expected, counts.rows,
      counts.expected - std::min(counts.keys, counts.expected), counts.rows - counts.keys,
      counts.wrong, all_there ? "" : "NOT ", world.took_to_heal().count());
  EXPECT_EQ(counts.keys, counts.expected) << "lost";
  const bool may_repeat = std::ranges::any_of(AllFaultKinds(), [&](const FaultKindInfo& info) {
    return info.may_repeat && world.WasDone(info.kind);
  });
  EXPECT_TRUE(counts.rows == counts.keys || may_repeat) << "repeated";
  EXPECT_EQ(counts.wrong, 0U);
  // A bucket that is made anew knows the account from then on.
  if (!world.WasDone(FaultKind::kBucketDeleted)) ExpectTheAccount(world, counts);
  if (counts.keys != counts.expected || counts.rows != counts.keys) PrintDifferences(world);
}

}  // namespace penstock::testing
