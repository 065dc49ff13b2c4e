// Damaged folders, full disks: an error that says so, or the right answer. Never another one.
#include <deque>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/random_first_rows.h"
#include "unit/state/damage.h"
#include "unit/state/row_store_fixture.h"

namespace penstock::state {
namespace {

namespace fs = std::filesystem;

class RowStoreFaultsTest : public RowStoreTest {
 protected:
  static constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();

  // Rows of the left side; a third of those of before is removed.
  Status Write(RocksRowStore& store, std::size_t count) {
    std::vector<StoredRow> added;
    std::vector<StoredRow> removed;
    for (std::size_t i = 0; i < count; ++i) {
      StoredRow row;
      row.key = testing::RandomKey(random_);
      row.number = rows_.size() + 1;
      row.time_ms = row.seen_ms = 1'000'000 + static_cast<std::int64_t>(rows_.size()) * 2;
      row.data = data_.emplace_back("data of " + std::to_string(row.number));
      rows_.push_back(row);
      written_.push_back(writes_ + 1);
      removed_.push_back(0);
      added.push_back(row);
    }
    for (std::size_t i = 0; i + count < rows_.size(); i += 3) {
      if (removed_[i] != 0) continue;
      removed.push_back(rows_[i]);
      removed_[i] = writes_ + 1;
    }
    const Status status = store.Write({Side::kLeft, added, removed}, std::to_string(++writes_));
    return status;
  }

  // All rows that belong to the store's state are found, with their data, and no other.
  Status ExpectRight(RocksRowStore& store) {
    const std::uint64_t state = store.state().empty() ? 0 : std::stoull(store.state());
    std::vector<RowStore::Query> queries;
    for (const StoredRow& row : rows_) queries.push_back({row.key, 0, kEver});
    std::vector<RowStore::Match> found;
    PENSTOCK_RETURN_IF_ERROR(store.FindNewest(Side::kLeft, queries, found));
    auto match = found.begin();
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (written_[i] > state || (removed_[i] != 0 && removed_[i] <= state)) continue;
      EXPECT_TRUE(match != found.end() && match->query == i);
      if (match == found.end()) return Done{};
      EXPECT_EQ(match->row.number, rows_[i].number);
      EXPECT_EQ(match->row.data, rows_[i].data);
      ++match;
    }
    EXPECT_TRUE(match == found.end());
    return Done{};
  }

  void ExpectCorruptOrRight(const std::string& what) {
    SCOPED_TRACE(what);
    auto opened = RocksRowStore::Open(RowOptionsOf(Folder("copy")));
    Status status = Done{};
    if (opened.ok()) {
      const auto store = std::move(opened).value();
      status = ExpectRight(*store);
    } else {
      status = std::move(opened).error();
    }
    if (status.ok()) return;
    EXPECT_EQ(status.error().code, "corrupt") << status.error().detail;
    EXPECT_EQ(status.error().remedy, Remedy::kStop);
    ++called_corrupt_;
  }

  void Build() {
    young_bytes_ = 20'000;
    auto store = Open("whole");
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(Write(*store, 150).ok());
  }

  std::mt19937_64 random_{11};
  std::vector<StoredRow> rows_;
  std::deque<std::string> data_;
  std::vector<std::uint64_t> written_;  // By which Write,
  std::vector<std::uint64_t> removed_;  // or 0.
  std::uint64_t writes_ = 0;
  int called_corrupt_ = 0;
};

TEST_F(RowStoreFaultsTest, FlippedBitsInAnyFile) {
  Build();
  for (const fs::path& file : FilesIn(Folder("whole"))) {
    const auto size = fs::file_size(Folder("whole") / file);
    for (int round = 0; size > 0 && round < 4; ++round) {
      const fs::path copy = CopyOf(Folder("whole"), Folder("copy")) / file;
      const auto at = FlipABit(copy, random_);
      ExpectCorruptOrRight(file.string() + " byte " + std::to_string(at));
    }
  }
  EXPECT_GT(called_corrupt_, 8);
}

TEST_F(RowStoreFaultsTest, CutAndMissingFiles) {
  Build();
  for (const fs::path& file : FilesIn(Folder("whole"))) {
    for (const bool missing : {false, true}) {
      CutOrRemove(CopyOf(Folder("whole"), Folder("copy")) / file, missing, random_);
      ExpectCorruptOrRight(file.string() + (missing ? " missing" : " cut"));
    }
  }
  EXPECT_GT(called_corrupt_, 8);
}

TEST_F(RowStoreFaultsTest, ACorruptStoreIsErasedAndMadeAnew) {
  Build();
  std::ofstream(Folder("whole") / "runs" / "CURRENT") << "nonsense";
  ASSERT_FALSE(RocksRowStore::Open(RowOptionsOf(Folder("whole"))).ok());
  ASSERT_TRUE(RocksRowStore::Erase(Folder("whole")).ok());
  auto store = Open("whole");
  EXPECT_EQ(store->state(), "");
  EXPECT_TRUE(store->Write({Side::kLeft, rows_, {}}, "all").ok());
  ASSERT_TRUE(store->Reset().ok());
  EXPECT_EQ(store->state(), "");
  EXPECT_EQ(store->stats().left.rows, 0U);
}

TEST_F(RowStoreFaultsTest, AnotherWindowIsCorruptAndSaysSo) {
  Build();
  auto options = RowOptionsOf(Folder("whole"));
  options.right_window_ms *= 2;
  const auto opened = RocksRowStore::Open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, "corrupt");
  EXPECT_THAT(opened.error().detail, ::testing::HasSubstr("another window"));
}

// The room ends in the middle of a page, of a run, of RocksDB's own list of files.
TEST_F(RowStoreFaultsTest, AFullDiskChangesNothingAndPasses) {
  for (const rlim_t room : {0U, 1U, 700U, 1500U, 3000U, 6000U}) {
    SCOPED_TRACE("room=" + std::to_string(room));
    const std::string name = "room" + std::to_string(room);
    rows_.clear(), written_.clear(), removed_.clear(), data_.clear(), writes_ = 0;
    young_bytes_ = 20'000;
    auto store = Open(name);
    for (int i = 0; i < 7; ++i) ASSERT_TRUE(Write(*store, 50).ok());
    {
      const FullDisk full(room);
      Status status = Done{};
      while (status.ok() && writes_ < 50) status = Write(*store, 50);
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().code, "disk") << status.error().detail;
      EXPECT_EQ(status.error().remedy, Remedy::kRetry);
      EXPECT_EQ(store->state(), std::to_string(writes_ - 1));
      EXPECT_TRUE(ExpectRight(*store).ok());
    }
    // The same again: what was asked for last is known of each row.
    std::vector<StoredRow> added;
    std::vector<StoredRow> removed;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (written_[i] == writes_) added.push_back(rows_[i]);
      if (removed_[i] == writes_) removed.push_back(rows_[i]);
    }
    const Status again = store->Write({Side::kLeft, added, removed}, std::to_string(writes_));
    ASSERT_TRUE(again.ok()) << again.error().detail;
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(Write(*store, 50).ok());
    EXPECT_TRUE(ExpectRight(*store).ok());
    store.reset();
    store = Open(name);
    EXPECT_EQ(store->state(), std::to_string(writes_));
    EXPECT_TRUE(ExpectRight(*store).ok());
  }
}

}  // namespace
}  // namespace penstock::state
