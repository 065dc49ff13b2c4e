// Damaged folders, full disks: an error that says so, or the right answer. Never another one.
#include <algorithm>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/state/damage.h"
#include "unit/state/store_fixture.h"

namespace penstock::state {
namespace {

namespace fs = std::filesystem;

Position At(std::uint64_t seq) {
  return {1, StreamSeq(seq), seq};
}

class StoreFaultsTest : public StoreTest {
 protected:
  static constexpr std::size_t kMessages = 8;

  // A store with several runs, in the folder "whole", and its messages.
  void Build() {
    recent_rows_ = 300;
    auto store = Open("whole");
    for (std::uint64_t seq = 1; seq <= kMessages; ++seq) {
      messages_.push_back(SomeRows(random_, 280, 1'000'000 + static_cast<std::int64_t>(seq) * 500));
      ASSERT_TRUE(store->Add(messages_.back(), At(seq)).ok());
    }
  }

  std::vector<fs::path> Files() const { return FilesIn(Folder("whole")); }
  fs::path Copy() const { return CopyOf(Folder("whole"), Folder("copy")); }

  // Whatever happened to the copy: it is called corrupt, or every answer is right. `what` for
  // people.
  void ExpectCorruptOrRight(const std::string& what) {
    SCOPED_TRACE(what);
    auto opened = RocksKeyStore::Open(OptionsOf(Folder("copy")));
    if (!opened.ok()) {
      EXPECT_EQ(opened.error().code, "corrupt") << opened.error().detail;
      EXPECT_EQ(opened.error().remedy, Remedy::kStop);
      ++called_corrupt_;
      return;
    }
    const auto store = std::move(opened).value();
    std::vector<KeyStore::Match> found;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const Status status = store->Find(KeysOf(messages_[i]), found);
      if (!status.ok()) {
        EXPECT_EQ(status.error().code, "corrupt") << status.error().detail;
        ++called_corrupt_;
        return;
      }
      // An older list of files is a store that knows less, and says so.
      if (At(i + 1).seq > store->log().seq) continue;
      ASSERT_EQ(found.size(), messages_[i].size());
      for (std::size_t row = 0; row < found.size(); ++row) {
        EXPECT_EQ(found[row].id, messages_[i][row].id);
        EXPECT_EQ(found[row].timestamp_ms, messages_[i][row].timestamp_ms);
      }
    }
  }

  std::mt19937_64 random_{11};
  std::vector<std::vector<FirstRow>> messages_;
  int called_corrupt_ = 0;
};

TEST_F(StoreFaultsTest, FlippedBitsInAnyFile) {
  Build();
  for (const fs::path& file : Files()) {
    const auto size = fs::file_size(Folder("whole") / file);
    for (int round = 0; size > 0 && round < 4; ++round) {
      const fs::path copy = Copy() / file;
      const auto at = FlipABit(copy, random_);
      ExpectCorruptOrRight(file.string() + " byte " + std::to_string(at));
    }
  }
  EXPECT_GT(called_corrupt_, 8);
}

TEST_F(StoreFaultsTest, CutAndMissingFiles) {
  Build();
  for (const fs::path& file : Files()) {
    for (const bool missing : {false, true}) {
      CutOrRemove(Copy() / file, missing, random_);
      ExpectCorruptOrRight(file.string() + (missing ? " missing" : " cut"));
    }
  }
  EXPECT_GT(called_corrupt_, 8);
}

TEST_F(StoreFaultsTest, ACorruptStoreIsErasedAndMadeAnew) {
  Build();
  std::ofstream(Folder("whole") / "runs" / "CURRENT") << "nonsense";
  ASSERT_FALSE(RocksKeyStore::Open(OptionsOf(Folder("whole"))).ok());
  ASSERT_TRUE(RocksKeyStore::Erase(Folder("whole")).ok());
  auto store = Open("whole");
  EXPECT_EQ(store->log(), Position{});
  EXPECT_TRUE(store->Add(messages_[0], At(1)).ok());
}

TEST_F(StoreFaultsTest, AnotherWindowIsCorruptAndSaysSo) {
  Build();
  auto options = OptionsOf(Folder("whole"));
  options.window_ms *= 2;
  const auto opened = RocksKeyStore::Open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, "corrupt");
  EXPECT_THAT(opened.error().detail, ::testing::HasSubstr("another window"));
}

TEST_F(StoreFaultsTest, AFolderBelongsToOneStore) {
  auto store = Open();
  const auto second = RocksKeyStore::Open(OptionsOf(Folder()));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "disk");
  EXPECT_EQ(second.error().remedy, Remedy::kRetry);
}

TEST_F(StoreFaultsTest, AFolderThatCannotBeMadeIsDisk) {
  std::ofstream(root_ / "file") << "in the way";
  const auto opened = RocksKeyStore::Open(OptionsOf(root_ / "file" / "shard"));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, "disk");
  EXPECT_EQ(opened.error().remedy, Remedy::kRetry);
}

// The room ends in the middle of a page, of a run, of RocksDB's own list of files.
TEST_F(StoreFaultsTest, AFullDiskChangesNothingAndPasses) {
  for (const rlim_t room : {0U, 1U, 700U, 1500U, 3000U, 6000U}) {
    SCOPED_TRACE("room=" + std::to_string(room));
    const std::string name = "room" + std::to_string(room);
    recent_rows_ = 300;
    auto store = Open(name);
    std::vector<std::vector<FirstRow>> messages;
    std::uint64_t seq = 0;
    const auto add = [&] {
      messages.push_back(SomeRows(random_, 100, 1'000'000, 0));
      return store->Add(messages.back(), At(++seq));
    };
    const auto expect_all = [&](std::size_t count) {
      std::vector<KeyStore::Match> found;
      for (std::size_t i = 0; i < count; ++i) {
        ASSERT_TRUE(store->Find(KeysOf(messages[i]), found).ok());
        EXPECT_EQ(found.size(), messages[i].size());
      }
    };
    for (int i = 0; i < 7; ++i) ASSERT_TRUE(add().ok());
    {
      const FullDisk full(room);
      Status status = add();
      for (int i = 0; i < 10 && status.ok(); ++i) status = add();
      ASSERT_FALSE(status.ok());
      EXPECT_EQ(status.error().code, "disk") << status.error().detail;
      EXPECT_EQ(status.error().remedy, Remedy::kRetry);
      EXPECT_EQ(store->log(), At(seq - 1));
      expect_all(seq - 1);
      EXPECT_FALSE(store->Add(messages.back(), At(seq)).ok());
    }
    const Status again = store->Add(messages.back(), At(seq));
    ASSERT_TRUE(again.ok()) << again.error().detail;
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(add().ok());
    expect_all(seq);
    store.reset();
    store = Open(name);
    EXPECT_EQ(store->log(), At(seq));
    expect_all(seq);
  }
}

}  // namespace
}  // namespace penstock::state
