#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "base/result.h"
#include "state/run.h"
#include "state/run_files.h"

// What the files of this library that speak to RocksDB share.
namespace penstock::state {

class StoreResources::Cache {
 public:
  std::shared_ptr<rocksdb::Cache> pages;  // RocksDB's tables share it, too.
};

struct RunFiles::Inner {
  RunFiles::Options options;
  rocksdb::Options rocks;
  std::unique_ptr<rocksdb::DB> db;
  bool failed = false;  ///< A write has failed since the last that did not.

  Status Open();
};

/// RocksDB's keys: slice, run and page, so that a run is one range. The last pages of a run are the
/// pieces of its filter and its header.
inline constexpr std::uint32_t kFirstFilterPage = 0x8000'0000;
inline constexpr std::uint32_t kHeaderPage = 0xFFFF'FFFF;
std::string RocksKey(const PageRef& ref);
/// False when it is no key of ours.
bool ReadRocksKey(std::string_view key, PageRef& ref);

void AppendHeader(const RunInfo& run, std::size_t filter_blocks, std::int64_t slice_ms,
                  std::string& out);

/// What it means for a store: "corrupt" or "disk".
Error Failure(const rocksdb::Status& status, std::string_view doing,
              const std::filesystem::path& folder);
Error CorruptStore(std::string_view what, const std::filesystem::path& folder);

inline std::string_view ViewOf(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace penstock::state
