#include "ctl/data_folder.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/child_process.h"

namespace penstock::ctl {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DataFolderTest : public testing::Test {
 protected:
  DataFolderTest() {
    std::string pattern = testing::TempDir() + "penstock-folder-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  ~DataFolderTest() override { std::filesystem::remove_all(root_); }

  Result<DataFolder> Take(milliseconds patience = milliseconds(0)) {
    return DataFolder::Take(root_ / "data", patience, SystemClock(), {}, [this] { ++waits_; });
  }

  std::filesystem::path root_;
  int waits_ = 0;
};

TEST_F(DataFolderTest, OneRunAtATime) {
  EXPECT_FALSE(DataFolder::InUse(root_ / "data"));
  {
    const auto first = Take();
    ASSERT_TRUE(first.ok()) << first.error().detail;
    EXPECT_TRUE(DataFolder::InUse(root_ / "data"));
    const auto second = Take();
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().remedy, Remedy::kStop);
    EXPECT_THAT(second.error().detail, HasSubstr("another penstock uses"));
  }
  EXPECT_FALSE(DataFolder::InUse(root_ / "data"));
  EXPECT_TRUE(Take().ok());
}

// A run that was killed leaves its children to end by themselves; the next one must not share
// the store with them.
TEST_F(DataFolderTest, TheChildrenOfAnEarlierRunKeepIt) {
  std::optional<process::ChildProcess> child;
  {
    const auto folder = Take();
    ASSERT_TRUE(folder.ok());
    auto started = process::ChildProcess::Start({.name = "sleep", .argv = {"sleep", "600"}});
    ASSERT_TRUE(started.ok());
    child.emplace(std::move(started).value());
  }
  EXPECT_FALSE(DataFolder::InUse(root_ / "data"));
  const auto early = Take(milliseconds(1));
  ASSERT_FALSE(early.ok());
  EXPECT_EQ(early.error().remedy, Remedy::kRetry);
  EXPECT_EQ(waits_, 1);
  child->Kill();
  EXPECT_TRUE(Take(milliseconds(10'000)).ok());
}

TEST_F(DataFolderTest, AFolderThatCannotBeMadeIsAnError) {
  std::ofstream(root_ / "data") << "a file";
  const auto folder = Take();
  ASSERT_FALSE(folder.ok());
  EXPECT_THAT(folder.error().detail, HasSubstr("--data-dir"));
}

TEST_F(DataFolderTest, OthersCannotLookInUnlessTheFolderWasThereBefore) {
  namespace fs = std::filesystem;
  ASSERT_TRUE(Take().ok());
  EXPECT_EQ(fs::status(root_ / "data").permissions() & fs::perms::others_all, fs::perms::none);
  fs::create_directories(root_ / "mine");
  fs::permissions(root_ / "mine", fs::perms(0755));
  ASSERT_TRUE(DataFolder::Take(root_ / "mine", {}, SystemClock(), {}, [] {}).ok());
  EXPECT_EQ(fs::status(root_ / "mine").permissions() & fs::perms(0777), fs::perms(0755));
}

TEST_F(DataFolderTest, LastLinesAreTheLastOfTheWanted) {
  const auto log = root_ / "log";
  std::ofstream(log) << std::string(200'000, 'x') << "\none warn\ntwo\nthree error\nfour";
  EXPECT_THAT(LastLines(log, 2), ElementsAre("three error", "four"));
  EXPECT_THAT(LastLines(log, 5, {"warn", "error"}), ElementsAre("one warn", "three error"));
  EXPECT_THAT(LastLines(root_ / "none", 2), IsEmpty());
}

TEST_F(DataFolderTest, AFileIsReplacedAtOnce) {
  ASSERT_TRUE(WriteFile(root_ / "word", "first second\n").ok());
  ASSERT_TRUE(WriteFile(root_ / "word", "third\n").ok());
  EXPECT_EQ(ReadWord(root_ / "word"), "third");
  EXPECT_EQ(ReadWord(root_ / "none"), "");
  EXPECT_FALSE(WriteFile(root_ / "none" / "word", "x").ok());
}

TEST(DefaultDataFolder, FollowsTheEnvironment) {
  std::map<std::string, std::string> variables;
  const process::Environment environment =
      [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_FALSE(DefaultDataFolder("orders", environment).ok());
  variables["HOME"] = "/home/me";
  EXPECT_EQ(DefaultDataFolder("orders", environment).value(),
            "/home/me/.local/state/penstock/orders");
  variables["XDG_STATE_HOME"] = "/state";
  EXPECT_EQ(DefaultDataFolder("orders", environment).value(), "/state/penstock/orders");
  // An id is no path.
  EXPECT_EQ(DefaultDataFolder("../../etc", environment).value().parent_path(), "/state/penstock");
}

}  // namespace
}  // namespace penstock::ctl
