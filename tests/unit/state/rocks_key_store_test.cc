#include "state/rocks_key_store.h"

#include <algorithm>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/memory_key_store.h"
#include "unit/state/store_fixture.h"

namespace penstock::state {
namespace {

using Found = std::set<std::tuple<std::size_t, RecordId, std::int64_t>>;

Found FoundBy(KeyStore& store, std::span<const KeyHash> keys) {
  std::vector<KeyStore::Match> matches;
  const Status status = store.Find(keys, matches);
  EXPECT_TRUE(status.ok()) << status.error().detail;
  EXPECT_TRUE(std::ranges::is_sorted(matches, {}, &KeyStore::Match::index));
  Found found;
  for (const auto& match : matches) {
    EXPECT_TRUE(found.insert({match.index, match.id, match.timestamp_ms}).second) << "twice";
  }
  return found;
}

/// The position of a message of the key log.
Position At(std::uint64_t seq, std::int64_t created_ns = 1) {
  return {created_ns, StreamSeq(seq), 77 * seq};
}

/// A key log with a store that follows it, and all that the store must know.
class KeyStoreLawTest : public StoreTest {
 protected:
  struct Message {
    Position at;
    std::vector<FirstRow> rows;
  };

  void Restart(unsigned seed) {
    random_.seed(seed);
    std::filesystem::remove_all(root_);
    recent_rows_ = 60 + random_() % 400;
    log_.clear();
    keys_.clear();
    for (int i = 0; i < 400; ++i) keys_.push_back(testing::RandomKey(random_));
    now_ms_ = 1'000'000;
    dropped_ms_ = 0;
    names_ = 0;
    last_seq_ = 0;
    folder_ = "0";
    store_ = Open(folder_);
  }

  FirstRow RandomRow() {
    FirstRow row;
    row.key = random_() % 3 == 0 ? keys_[random_() % keys_.size()] : testing::RandomKey(random_);
    row.id = {1, static_cast<std::int32_t>(random_() % 3),
              Offset(static_cast<std::int64_t>(random_() % 1'000'000))};
    now_ms_ += static_cast<std::int64_t>(random_() % 12);
    row.timestamp_ms = now_ms_;
    if (random_() % 10 == 0) row.timestamp_ms -= static_cast<std::int64_t>(random_() % kWindowMs);
    return row;
  }

  void Append() {
    Message message{At(++last_seq_), {}};
    for (std::uint64_t i = random_() % 150 + 1; i > 0; --i) message.rows.push_back(RandomRow());
    log_.push_back(message);
    ASSERT_TRUE(store_->Add(message.rows, message.at).ok());
  }

  void Drop() {
    dropped_ms_ =
        std::max(dropped_ms_, now_ms_ - kWindowMs - static_cast<std::int64_t>(random_() % 900));
    const auto first = store_->DropBefore(dropped_ms_);
    ASSERT_TRUE(first.ok()) << first.error().detail;
    // The owner purges the log: nothing that is still remembered may go.
    std::erase_if(log_, [&](const Message& message) { return message.at.seq < first.value(); });
  }

  // What is on disk at this moment, as a process that is killed leaves it.
  void Crash() {
    const std::string copy = std::to_string(++names_);
    std::filesystem::copy(Folder(folder_), Folder(copy), std::filesystem::copy_options::recursive);
    store_.reset();
    folder_ = copy;
    store_ = Open(folder_);
    CatchUp();
  }

  void CatchUp() {
    const Position known = store_->log();
    ASSERT_EQ(known, At(known.seq.rep(), known.created_ns));
    ASSERT_TRUE(log_.empty() || log_.front().at.seq.rep() <= known.seq.rep() + 1)
        << "the store lacks messages that it let go";
    ExpectRight(known);
    for (const Message& message : log_) {
      if (message.at.seq > known.seq) {
        ASSERT_TRUE(store_->Add(message.rows, message.at).ok());
      }
    }
  }

  // Every row in the log up to `seq` that is not older than what was dropped is found, and
  // nothing that never was added. (Of a message larger than what it keeps in memory a crash may
  // leave a part: that was in the log, too.)
  void ExpectRight(const Position& at) {
    std::set<KeyHash> asked(keys_.begin(), keys_.end());
    for (const Message& message : log_) {
      for (const FirstRow& row : message.rows) asked.insert(row.key);
    }
    for (int i = 0; i < 50; ++i) asked.insert(testing::RandomKey(random_));
    const std::vector<KeyHash> keys(asked.begin(), asked.end());
    MemoryKeyStore memory;
    MemoryKeyStore all;
    for (const Message& message : log_) {
      ASSERT_TRUE(all.Add(message.rows, message.at).ok());
      if (message.at.seq > at.seq) continue;
      ASSERT_TRUE(memory.Add(message.rows, message.at).ok());
    }
    ASSERT_TRUE(memory.DropBefore(dropped_ms_).ok());
    const Found want = FoundBy(memory, keys);
    const Found may = FoundBy(all, keys);
    const Found found = FoundBy(*store_, keys);
    EXPECT_TRUE(std::ranges::includes(found, want));
    for (const auto& [index, id, timestamp_ms] : found) {
      if (timestamp_ms < dropped_ms_) {
        EXPECT_GT(timestamp_ms, dropped_ms_ - kWindowMs / 8 - 1);
      } else {
        EXPECT_TRUE(may.contains({index, id, timestamp_ms})) << "a row that was never added";
      }
    }
  }

  std::mt19937_64 random_;
  std::vector<Message> log_;
  std::vector<KeyHash> keys_;
  std::int64_t now_ms_ = 0;
  std::int64_t dropped_ms_ = 0;
  int names_ = 0;
  std::uint64_t last_seq_ = 0;
  std::string folder_;
  std::unique_ptr<RocksKeyStore> store_;
};

TEST_F(KeyStoreLawTest, ItAnswersAsOneInMemoryThroughCrashesDropsAndReopening) {
  for (unsigned seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    Restart(seed);
    for (int step = 0; step < 50 && !HasFailure(); ++step) {
      SCOPED_TRACE("step=" + std::to_string(step));
      const auto dice = random_() % 20;
      if (dice == 0) {
        Crash();
      } else if (dice == 1) {
        store_.reset();
        store_ = Open(folder_);
        CatchUp();
      } else if (dice < 4) {
        Drop();
      } else {
        Append();
      }
      if (step % 10 == 9) ExpectRight(store_->log());
    }
    store_.reset();
  }
}

TEST_F(StoreTest, WhenAllIsDroppedTheDiskStillSaysHowFarItIs) {
  std::mt19937_64 random(1);
  auto store = Open();
  const auto rows = SomeRows(random, 200);
  ASSERT_TRUE(store->Add(rows, At(7)).ok());
  const auto first = store->DropBefore(rows.back().timestamp_ms + 2 * kWindowMs);
  ASSERT_TRUE(first.ok()) << first.error().detail;
  EXPECT_EQ(first.value(), StreamSeq(8));
  EXPECT_EQ(store->stats().rows, 0U);
  store = nullptr;
  EXPECT_EQ(Open()->log(), At(7));
}

TEST_F(StoreTest, AnotherKeyLogKeepsTheRowsAndForgetsTheirPlaces) {
  std::mt19937_64 random(8);
  auto store = Open();
  const auto rows = SomeRows(random, 200);
  ASSERT_TRUE(store->Add(rows, At(700)).ok());
  ASSERT_TRUE(store->Rebase({9, StreamSeq(0), 0}).ok());
  store.reset();
  store = Open();
  EXPECT_EQ(store->log(), (Position{9, StreamSeq(0), 0}));
  EXPECT_EQ(FoundBy(*store, KeysOf(rows)).size(), rows.size());
  ASSERT_TRUE(store->Add(SomeRows(random, 10), At(3, 9)).ok());
  EXPECT_EQ(store->DropBefore(0).value(), StreamSeq(1));
  // Of the same log, which has lost its end.
  ASSERT_TRUE(store->Rebase(At(2, 9)).ok());
  EXPECT_EQ(store->log(), At(2, 9));
  EXPECT_EQ(store->DropBefore(0).value(), StreamSeq(1));
}

TEST_F(StoreTest, NoRowsMoveThePosition) {
  auto store = Open();
  ASSERT_TRUE(store->Add({}, At(7)).ok());
  EXPECT_EQ(store->log(), At(7));
  EXPECT_EQ(store->DropBefore(0).value(), StreamSeq(8));
  store.reset();
  EXPECT_EQ(Open()->log(), At(7));
}

TEST_F(StoreTest, ASliceThatIsDroppedGivesItsRoomBack) {
  std::mt19937_64 random(2);
  recent_rows_ = 1024;
  auto store = Open();
  const auto rows = SomeRows(random, 20'000);
  ASSERT_TRUE(store->Add(rows, At(1)).ok());
  const auto before = store->stats();
  ASSERT_TRUE(store->DropBefore(rows[10'000].timestamp_ms).ok());
  const auto after = store->stats();
  EXPECT_LT(after.disk_bytes, before.disk_bytes * 3 / 5);
  EXPECT_LT(after.filter_bytes, before.filter_bytes * 3 / 5);
}

TEST_F(StoreTest, MergesKeepRunsFewAndRowsOnce) {
  std::mt19937_64 random(3);
  recent_rows_ = 128;
  auto store = Open();
  const auto rows = SomeRows(random, 640, 1'000'000, 0);
  for (std::uint64_t round = 1; round <= 40; ++round) {
    ASSERT_TRUE(store->Add(rows, At(round)).ok());
  }
  EXPECT_LT(store->stats().runs, 16U);
  EXPECT_LT(store->stats().rows, 8 * rows.size());
  EXPECT_EQ(FoundBy(*store, KeysOf(rows)).size(), rows.size());
}

TEST_F(StoreTest, StrangeKeysReadNothing) {
  std::mt19937_64 random(4);
  recent_rows_ = 4096;
  auto store = Open();
  ASSERT_TRUE(store->Add(SomeRows(random, 20'000), At(1)).ok());
  const auto reads = store->stats().page_reads;
  std::vector<KeyStore::Match> found;
  ASSERT_TRUE(store->Find(KeysOf(SomeRows(random, 10'000)), found).ok());
  EXPECT_TRUE(found.empty());
  EXPECT_LT(store->stats().page_reads - reads, 10'000U * 5 / 100);
}

TEST_F(StoreTest, TimestampsAllOverThePlaceDoNotBecomeAFileEach) {
  std::mt19937_64 random(5);
  recent_rows_ = 512;
  auto store = Open();
  auto rows = SomeRows(random, 3000);
  for (FirstRow& row : rows) {
    row.timestamp_ms = static_cast<std::int64_t>(random()) / 2;
  }
  ASSERT_TRUE(store->Add(rows, At(1)).ok());
  EXPECT_LT(store->stats().runs, 300U);
  EXPECT_EQ(FoundBy(*store, KeysOf(rows)).size(), rows.size());
}

TEST_F(StoreTest, ResetStartsEmpty) {
  std::mt19937_64 random(6);
  auto store = Open();
  const auto rows = SomeRows(random, 1000);
  ASSERT_TRUE(store->Add(rows, At(5)).ok());
  ASSERT_TRUE(store->Reset().ok());
  EXPECT_EQ(store->log(), Position{});
  EXPECT_TRUE(FoundBy(*store, KeysOf(rows)).empty());
  ASSERT_TRUE(store->Add(rows, At(5)).ok());
  EXPECT_EQ(FoundBy(*store, KeysOf(rows)).size(), rows.size());
}

}  // namespace
}  // namespace penstock::state
