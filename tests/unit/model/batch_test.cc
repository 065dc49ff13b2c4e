#include "model/batch.h"

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "model/shard_record.h"

namespace penstock {
namespace {

// A section and the same as plain lists.
struct AnySection {
  Section section;
  std::vector<std::int64_t> offsets;  // Of all records.
  std::vector<Outcome> outcomes;
  std::vector<std::int64_t> rows;  // Offsets of the kRow records.
};

AnySection MakeSection(unsigned seed) {
  std::mt19937 random(seed);
  AnySection any;
  auto offset = static_cast<std::int64_t>(random() % 1000);
  any.section.after = Offset(offset - 1);
  const std::size_t records = random() % 40;
  for (std::size_t i = 0; i < records; ++i) {
    // Mostly neighbours of one outcome, as in life; gaps where records went to other shards.
    if (random() % 4 == 0) offset += static_cast<std::int64_t>(1 + random() % 5);
    const auto outcome =
        random() % 3 == 0 ? static_cast<Outcome>(random() % kOutcomes) : Outcome::kRow;
    any.section.Add(Offset(offset), outcome);
    any.offsets.push_back(offset);
    any.outcomes.push_back(outcome);
    if (outcome == Outcome::kRow) any.rows.push_back(offset);
    ++offset;
  }
  return any;
}

TEST(SectionTest, CountsAndFindsRowsAsAListWould) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    const AnySection any = MakeSection(seed);
    ASSERT_EQ(any.section.rows(), any.rows.size());
    std::size_t all = 0;
    for (std::size_t i = 0; i < kOutcomes; ++i) all += any.section.Count(static_cast<Outcome>(i));
    ASSERT_EQ(all, any.offsets.size());
    for (std::size_t row = 0; row < any.rows.size(); ++row) {
      ASSERT_EQ(any.section.OffsetOfRow(row), Offset(any.rows[row])) << "row " << row;
    }
    ASSERT_EQ(any.section.OffsetOfRow(any.rows.size()), any.section.last);
    for (std::int64_t offset = any.section.after.rep(); offset <= any.section.last.rep() + 2;
         ++offset) {
      const auto below = std::lower_bound(any.rows.begin(), any.rows.end(), offset);
      ASSERT_EQ(any.section.RowsBefore(Offset(offset)),
                static_cast<std::size_t>(below - any.rows.begin()))
          << "offset " << offset;
    }
  }
}

TEST(SectionTest, RunsAreAsFewAsCanBe) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    const AnySection any = MakeSection(seed);
    std::size_t runs = 0;
    for (std::size_t i = 0; i < any.offsets.size(); ++i) {
      const bool goes_on = i > 0 && any.offsets[i] == any.offsets[i - 1] + 1 &&
                           any.outcomes[i] == any.outcomes[i - 1];
      runs += goes_on ? 0 : 1;
    }
    ASSERT_EQ(any.section.runs.size(), runs);
    if (!any.offsets.empty()) {
      ASSERT_EQ(any.section.last, Offset(any.offsets.back()));
    }
  }
}

TEST(AccountTest, AddsUpByOutcome) {
  Account one;
  one[Outcome::kRow] = 5;
  one[Outcome::kDeadLetter] = 1;
  Account other;
  other[Outcome::kRow] = 2;
  other[Outcome::kDuplicate] = 7;
  one += other;
  EXPECT_EQ(one[Outcome::kRow], 7U);
  EXPECT_EQ(one[Outcome::kDeadLetter], 1U);
  EXPECT_EQ(one[Outcome::kDuplicate], 7U);
  EXPECT_EQ(one[Outcome::kFiltered], 0U);
}

}  // namespace
}  // namespace penstock
