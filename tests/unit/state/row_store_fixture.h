#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include <gtest/gtest.h>

#include "state/rocks_row_store.h"
#include "unit/state/store_fixture.h"

namespace penstock::state {

class RowStoreTest : public StoreTest {
 protected:
  RocksRowStore::Options RowOptionsOf(const std::filesystem::path& folder) const {
    return {.folder = folder,
            .left_window_ms = kWindowMs,
            .right_window_ms = kWindowMs,
            .resources = &resources_,
            .young_bytes = young_bytes_};
  }
  std::unique_ptr<RocksRowStore> Open(std::string_view name = "shard") const {
    auto opened = RocksRowStore::Open(RowOptionsOf(Folder(name)));
    EXPECT_TRUE(opened.ok()) << opened.error().detail;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  std::size_t young_bytes_ = 8 << 10;
};

}  // namespace penstock::state
