#include "state/rocks_row_store.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/memory_row_store.h"
#include "unit/state/damage.h"
#include "unit/state/row_store_fixture.h"

namespace penstock::state {
namespace {

using Told =
    std::tuple<std::size_t, std::uint64_t, KeyHash, std::int64_t, std::int64_t, std::string>;

std::vector<Told> ToldOf(const std::vector<RowStore::Match>& found) {
  std::vector<Told> told;
  for (const auto& [query, row] : found) {
    told.emplace_back(query, row.number, row.key, row.time_ms, row.seen_ms, std::string(row.data));
  }
  return told;
}

/// A store on disk beside one that is a few maps: they must give the same answers.
class RowStoreLawTest : public RowStoreTest {
 protected:
  void Restart(unsigned seed) {
    store_.reset();
    random_.seed(seed);
    std::filesystem::remove_all(root_);
    young_bytes_ = 1000 + random_() % 30'000;
    largest_data_ = random_() % 8 == 0 ? 3000 : 60;
    sends_unmatched_ = random_() % 2 == 0;
    keys_.clear();
    for (int i = 0; i < 150; ++i) keys_.push_back(testing::RandomKey(random_));
    now_ms_ = {1'000'000, 1'000'500};
    dropped_ms_ = {0, 0};
    number_ = 0;
    writes_ = 0;
    model_ = MemoryRowStore();
    log_.clear();
    folders_ = 0;
    folder_ = "0";
    store_ = Open(folder_);
  }

  KeyHash SomeKey() {
    // One key has most of the rows, some have many, most are strange.
    const auto kind = random_() % 10;
    if (kind == 0) return testing::RandomKey(random_);
    if (kind < 4) return keys_[0];
    return keys_[random_() % keys_.size()];
  }
  std::int64_t& Now(Side side) { return now_ms_[static_cast<std::size_t>(side)]; }
  std::int64_t& Dropped(Side side) { return dropped_ms_[static_cast<std::size_t>(side)]; }
  Side SomeSide() { return random_() % 2 == 0 ? Side::kLeft : Side::kRight; }

  StoredRow SomeRow(Side side) {
    StoredRow row;
    row.key = SomeKey();
    row.number = ++number_;
    row.time_ms = Now(side) += static_cast<std::int64_t>(random_() % 12);
    row.seen_ms = row.time_ms;
    if (random_() % 10 == 0) row.time_ms -= static_cast<std::int64_t>(random_() % kWindowMs);
    row.time_ms = std::max(row.time_ms, Dropped(side));
    row.seen_ms = std::max(row.seen_ms, row.time_ms);
    std::string& data = data_.emplace_back(random_() % largest_data_, '\0');
    for (char& byte : data) byte = static_cast<char>(random_());
    row.data = data;
    return row;
  }

  void Write(Side side, const std::vector<StoredRow>& added,
             const std::vector<StoredRow>& removed) {
    const std::string state = "state " + std::to_string(++writes_);
    const RowStore::Changes changes{side, added, removed};
    const Status written = store_->Write(changes, state);
    ASSERT_TRUE(written.ok()) << written.error().detail;
    ASSERT_TRUE(model_.Write(changes, state).ok());
    Written& log = log_.emplace_back(Written{side, added, removed, {}});
    for (StoredRow& row : log.added) row.data = log.data.emplace_back(row.data);
  }

  void Add() {
    data_.clear();
    const Side side = SomeSide();
    std::vector<StoredRow> rows;
    for (std::uint64_t i = random_() % 60; i > 0; --i) rows.push_back(SomeRow(side));
    Write(side, rows, {});
  }

  // No row that was dropped is asked for: it may still be there.
  std::vector<RowStore::Query> SomeQueries(Side side) {
    std::vector<RowStore::Query> queries;
    for (std::uint64_t i = random_() % 40; i > 0; --i) {
      const std::int64_t from = Now(side) - static_cast<std::int64_t>(random_() % kWindowMs);
      const std::int64_t until = Now(side) - static_cast<std::int64_t>(random_() % 900);
      queries.push_back({SomeKey(), std::max(Dropped(side), from), until});
    }
    return queries;
  }

  void Find() {
    const Side side = SomeSide();
    const auto queries = SomeQueries(side);
    std::vector<RowStore::Match> expected;
    std::vector<RowStore::Match> found;
    ASSERT_TRUE(model_.FindNewest(side, queries, expected).ok());
    ASSERT_TRUE(store_->FindNewest(side, queries, found).ok());
    ASSERT_EQ(ToldOf(found), ToldOf(expected));
    ASSERT_TRUE(model_.FindAll(side, queries, expected).ok());
    ASSERT_TRUE(store_->FindAll(side, queries, found).ok());
    ASSERT_EQ(ToldOf(found), ToldOf(expected));
    if (side == Side::kLeft && random_() % 2 == 0) RemoveSome(found);
  }

  void RemoveSome(const std::vector<RowStore::Match>& found) {
    std::vector<StoredRow> removed;
    for (const auto& match : found) {
      const bool twice = std::ranges::any_of(
          removed, [&](const StoredRow& row) { return row.number == match.row.number; });
      if (!twice && random_() % 3 != 0) removed.push_back(match.row);
    }
    // As a join that has looked for other rows meanwhile.
    std::vector<RowStore::Match> ignored;
    if (random_() % 3 == 0) {
      for (StoredRow& row : removed) row.data = {};
      ASSERT_TRUE(store_->FindAll(Side::kLeft, SomeQueries(Side::kLeft), ignored).ok());
    }
    Write(SomeSide(), {}, removed);
  }

  void Expire() {
    std::vector<StoredRow> expected;
    std::vector<StoredRow> found;
    const std::int64_t before =
        Now(Side::kLeft) - static_cast<std::int64_t>(random_() % (2 * kWindowMs));
    const std::size_t limit = random_() % 70;
    ASSERT_TRUE(store_->FindBefore(Side::kLeft, before, limit, found).ok());
    ASSERT_TRUE(std::ranges::is_sorted(found, {}, &StoredRow::time_ms));
    // What the model has dropped may still be there, the oldest of all.
    std::erase_if(found, [&](const StoredRow& row) { return row.time_ms < Dropped(Side::kLeft); });
    ASSERT_TRUE(model_.FindBefore(Side::kLeft, before, found.size(), expected).ok());
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].number, expected[i].number);
      ASSERT_EQ(found[i].data, expected[i].data);
    }
    // Those that stay are found again.
    if (random_() % 3 == 0)
      std::erase_if(found, [&](const StoredRow&) { return random_() % 2 == 0; });
    Write(Side::kRight, {}, found);
  }

  void Drop() {
    const Side side = SomeSide();
    std::int64_t& dropped = Dropped(side);
    dropped = std::max(dropped, Now(side) - kWindowMs - static_cast<std::int64_t>(random_() % 900));
    const auto in_store = store_->DropBefore(side, dropped);
    ASSERT_TRUE(in_store.ok());
    const auto in_model = model_.DropBefore(side, dropped);
    const auto [left, right, disk] = store_->stats();
    const auto expected = model_.stats();
    ASSERT_GE(left.rows, expected.left.rows);
    ASSERT_GE(right.rows, expected.right.rows);
  }

  void Reopen() {
    store_.reset();
    store_ = Open(folder_);
    ASSERT_NE(store_, nullptr);
    ASSERT_EQ(store_->state(), model_.state());
  }

  // What a kill at this moment leaves: some state of before, with the rows that belong to it.
  void Crash() {
    const std::string copy = std::to_string(++folders_);
    CopyOf(Folder(folder_), Folder(copy));
    const auto store = Open(copy);
    ASSERT_NE(store, nullptr);
    MemoryRowStore model;
    std::string state;
    for (std::size_t i = 0; i < log_.size() && store->state() != model.state(); ++i) {
      state = "state " + std::to_string(i + 1);
      ASSERT_TRUE(model.Write({log_[i].side, log_[i].added, log_[i].removed}, state).ok());
    }
    ASSERT_EQ(store->state(), model.state());
    for (const Side side : {Side::kLeft, Side::kRight}) {
      std::vector<StoredRow> expected;
      std::vector<StoredRow> found;
      ASSERT_TRUE(model.FindBefore(side, kEver, 1'000'000, expected).ok());
      ASSERT_TRUE(store->FindBefore(side, kEver, 1'000'000, found).ok());
      std::vector<std::uint64_t> numbers;
      for (const StoredRow& row : found) numbers.push_back(row.number);
      // What is dropped later may be gone, what is not may not.
      std::erase_if(expected, [&](const StoredRow& row) {
        return row.time_ms < Dropped(side) &&
               std::ranges::find(numbers, row.number) == numbers.end();
      });
      std::vector<std::uint64_t> wanted;
      for (const StoredRow& row : expected) wanted.push_back(row.number);
      ASSERT_EQ(numbers, wanted);
    }
    std::filesystem::remove_all(Folder(copy));
  }

  struct Written {
    Side side;
    std::vector<StoredRow> added;
    std::vector<StoredRow> removed;
    std::deque<std::string> data;
  };
  static constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();

  std::mt19937_64 random_;
  std::deque<Written> log_;
  int folders_ = 0;
  std::vector<KeyHash> keys_;
  std::array<std::int64_t, 2> now_ms_{};
  std::array<std::int64_t, 2> dropped_ms_{};
  std::deque<std::string> data_;
  std::size_t largest_data_ = 60;
  bool sends_unmatched_ = false;
  std::uint64_t number_ = 0;
  std::uint64_t writes_ = 0;
  std::string folder_;
  MemoryRowStore model_;
  std::unique_ptr<RocksRowStore> store_;
};

// Pages are read from where RocksDB's format of files should have them.
TEST_F(RowStoreLawTest, PagesLieWhereTheyAreLookedFor) {
  Restart(3);
  largest_data_ = 5000;
  for (int i = 0; i < 60; ++i) Add();
  Reopen();
  for (int i = 0; i < 20; ++i) Find();
  EXPECT_GT(store_->costs().page_reads, 50U);
  EXPECT_EQ(store_->costs().page_reads_by_rocksdb, 0U);
}

// Many more than are kept in order of time at once, of one slice; some at a time do not leave.
TEST_F(RowStoreLawTest, TheOldestAreToldUntilTheyAreRemoved) {
  Restart(4);
  std::vector<StoredRow> waiting;
  for (std::int64_t i = 0; i < 600; ++i) {
    const std::int64_t time = 1'600'000 + (i * 7919) % 997;
    waiting.push_back(
        {testing::RandomKey(random_), time, time, static_cast<std::uint64_t>(i), "data"});
    Write(Side::kLeft, {waiting.back()}, {});
  }
  const auto older = [](const StoredRow& a, const StoredRow& b) {
    return std::tie(a.time_ms, a.number) < std::tie(b.time_ms, b.number);
  };
  std::ranges::sort(waiting, older);
  while (!waiting.empty()) {
    std::vector<StoredRow> found;
    const std::size_t limit = 1 + random_() % 250;
    ASSERT_TRUE(store_->FindBefore(Side::kLeft, 1'601'000, limit, found).ok());
    ASSERT_EQ(found.size(), std::min(limit, waiting.size()));
    std::vector<StoredRow> removed;
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_EQ(found[i].number, waiting[i].number);
      if (random_() % 3 != 0) removed.push_back(found[i]);
    }
    std::erase_if(waiting, [&](const StoredRow& row) {
      return std::ranges::find(removed, row.number, &StoredRow::number) != removed.end();
    });
    Write(Side::kRight, {}, removed);
  }
}

TEST_F(RowStoreLawTest, AnswersAsTheModelDoes) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    Restart(seed);
    for (int step = 0; step < 150 && !HasFatalFailure(); ++step) {
      SCOPED_TRACE("step=" + std::to_string(step));
      const auto action = random_() % 100;
      if (action < 50) {
        Add();
      } else if (action < 80) {
        Find();
      } else if (action < 90) {
        for (int i = 0; i < 3 && sends_unmatched_; ++i) Expire();
      } else if (action < 95) {
        Drop();
        if (random_() % 3 == 0) Crash();
      } else if (action < 97) {
        Crash();
      } else {
        Reopen();
      }
    }
  }
}

}  // namespace
}  // namespace penstock::state
