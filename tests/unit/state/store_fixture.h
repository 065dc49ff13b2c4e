#pragma once

#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <stdlib.h>

#include <gtest/gtest.h>

#include "state/rocks_key_store.h"
#include "support/random_first_rows.h"

namespace penstock::state {

/// A folder of its own for each test, in memory where the system has that: stores sync their files.
class StoreTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kWindowMs = 8000;

  StoreTest() {
    const std::filesystem::path base =
        std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string name = (base / "penstock-state-XXXXXX").string();
    root_ = mkdtemp(name.data());
  }
  ~StoreTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  std::filesystem::path Folder(std::string_view name = "shard") const { return root_ / name; }

  RocksKeyStore::Options OptionsOf(const std::filesystem::path& folder) const {
    return {.folder = folder,
            .window_ms = kWindowMs,
            .resources = &resources_,
            .recent_rows = recent_rows_};
  }
  std::unique_ptr<RocksKeyStore> Open(std::string_view name = "shard") const {
    auto opened = RocksKeyStore::Open(OptionsOf(Folder(name)));
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  /// Rows with strange keys, `step_ms` of time apart.
  static std::vector<FirstRow> SomeRows(std::mt19937_64& random, std::size_t count,
                                        std::int64_t from_ms = 1'000'000,
                                        std::int64_t step_ms = 1) {
    auto rows = testing::RandomFirstRows(random, count);
    for (FirstRow& row : rows) row.timestamp_ms = from_ms += step_ms;
    return rows;
  }
  static std::vector<KeyHash> KeysOf(const std::vector<FirstRow>& rows) {
    std::vector<KeyHash> keys;
    for (const FirstRow& row : rows) keys.push_back(row.key);
    return keys;
  }

  std::size_t recent_rows_ = 64;
  std::filesystem::path root_;
  StoreResources resources_{1 << 20};
};

}  // namespace penstock::state
