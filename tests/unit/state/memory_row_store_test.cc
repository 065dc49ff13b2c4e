#include "state/memory_row_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::state {
namespace {

using ::testing::ElementsAre;

StoredRow Row(std::uint64_t key, std::int64_t time_ms, std::uint64_t number,
              std::string_view data = "data", std::int64_t late_ms = 0) {
  return {{key, 0}, time_ms, time_ms + late_ms, number, data};
}

std::vector<std::uint64_t> Newest(RowStore& store, Side side, const RowStore::Query& query) {
  std::vector<RowStore::Match> found;
  EXPECT_TRUE(store.FindNewest(side, {&query, 1}, found).ok());
  std::vector<std::uint64_t> numbers;
  for (const auto& match : found) numbers.push_back(match.row.number);
  return numbers;
}

std::vector<std::uint64_t> All(RowStore& store, Side side, const RowStore::Query& query) {
  std::vector<RowStore::Match> found;
  EXPECT_TRUE(store.FindAll(side, {&query, 1}, found).ok());
  std::vector<std::uint64_t> numbers;
  for (const auto& match : found) numbers.push_back(match.row.number);
  return numbers;
}

TEST(MemoryRowStore, FindsByKeyAndTimesUntilRowsAreRemovedOrDropped) {
  MemoryRowStore store;
  const std::vector<StoredRow> rows = {Row(1, 500, 1), Row(1, 100, 2), Row(2, 300, 3),
                                       Row(1, 500, 4), Row(1, 400, 5, "late", 200)};
  ASSERT_TRUE(store.Write({Side::kLeft, rows, {}}, "five").ok());
  EXPECT_EQ(store.state(), "five");
  EXPECT_THAT(Newest(store, Side::kLeft, {{1, 0}, 0, 1000}), ElementsAre(4));
  EXPECT_THAT(Newest(store, Side::kLeft, {{1, 0}, 0, 450}), ElementsAre(2));
  EXPECT_THAT(All(store, Side::kLeft, {{1, 0}, 400, 1000}), ElementsAre(1, 4, 5));
  EXPECT_THAT(All(store, Side::kLeft, {{1, 0}, 400, 599}), ElementsAre(1, 4));
  EXPECT_THAT(All(store, Side::kRight, {{1, 0}, 0, 1000}), ElementsAre());

  std::vector<StoredRow> oldest;
  ASSERT_TRUE(store.FindBefore(Side::kLeft, 500, 2, oldest).ok());
  ASSERT_EQ(oldest.size(), 2U);
  EXPECT_EQ(oldest[0].number, 2U);
  EXPECT_EQ(oldest[1].number, 3U);

  ASSERT_TRUE(store.Write({Side::kRight, {}, std::vector{rows[3]}}, "four").ok());
  EXPECT_THAT(Newest(store, Side::kLeft, {{1, 0}, 0, 1000}), ElementsAre(1));
  EXPECT_EQ(store.DropBefore(Side::kLeft, 400).value(), 2U);
  EXPECT_THAT(All(store, Side::kLeft, {{1, 0}, 0, 1000}), ElementsAre(1, 5));
  EXPECT_EQ(store.stats().left.rows, 2U);
  EXPECT_EQ(store.stats().left.bytes, 8U);

  ASSERT_TRUE(store.Reset().ok());
  EXPECT_EQ(store.state(), "");
  EXPECT_EQ(store.stats().left.rows, 0U);
}

}  // namespace
}  // namespace penstock::state
