#include "state/row_page.h"

#include <algorithm>
#include <limits>

#include <gtest/gtest.h>

#include "base/format.h"
#include "support/random_first_rows.h"

namespace penstock::state {
namespace {

std::vector<FirstRow> SortedRows(std::mt19937_64& random, std::size_t count) {
  auto rows = testing::RandomFirstRows(random, count);
  const unsigned common = random() % 64;  // Pages of large runs share the top of their keys.
  for (FirstRow& row : rows) row.key.high >>= common;
  std::ranges::sort(rows, {}, &FirstRow::key);
  return rows;
}

TEST(RowPageTest, WhatWasWrittenIsRead) {
  PageView view;
  for (unsigned seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    const auto rows = SortedRows(random, 1 + random() % 400);
    std::string page;
    PageWriter().Append(rows, page);
    ASSERT_TRUE(view.Parse(page));
    ASSERT_EQ(view.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(view.Row(i), rows[i]) << i;
    for (int i = 0; i < 20; ++i) {
      const KeyHash key =
          i % 2 == 0 ? rows[random() % rows.size()].key : testing::RandomKey(random);
      const auto want = std::ranges::lower_bound(rows, key, {}, &FirstRow::key);
      EXPECT_EQ(view.LowerBound(key), static_cast<std::size_t>(want - rows.begin()));
    }
  }
}

TEST(RowPageTest, TheEndsOfEveryNumberAreRead) {
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  const std::vector<FirstRow> rows{
      {{0, 0}, {~0U, std::numeric_limits<std::int32_t>::min(), Offset(kLow)}, kLow},
      {{1, 0}, {~0U, std::numeric_limits<std::int32_t>::min(), Offset(kHigh)}, kHigh},
      {{~0ULL, ~0U}, {0, std::numeric_limits<std::int32_t>::max(), Offset(kHigh)}, 0}};
  std::string page;
  PageWriter().Append(rows, page);
  PageView view;
  ASSERT_TRUE(view.Parse(page));
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(view.Row(i), rows[i]);
}

TEST(RowPageTest, OtherBytesNeverCrash) {
  PageView view;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937_64 random(seed);
    std::string page;
    PageWriter().Append(SortedRows(random, 1 + random() % 40), page);
    if (seed % 3 == 0) page.resize(random() % page.size());
    for (int i = 0; i < 3 && !page.empty(); ++i) {
      page[random() % std::min<std::size_t>(page.size(), 60)] = static_cast<char>(random());
    }
    if (!view.Parse(page)) continue;
    view.LowerBound(testing::RandomKey(random));
    for (std::size_t i = 0; i < view.size(); ++i) view.Row(i);
  }
}

}  // namespace
}  // namespace penstock::state
