#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "state/run.h"
#include "state/store_resources.h"

namespace rocksdb {
class Iterator;
}  // namespace rocksdb

namespace penstock::state {

/// The runs of a store as files of one RocksDB: it keeps the list of files atomically, checks every
/// block that is read, and caches pages. Nothing is ever written through its memtables: runs are
/// made beside it and taken in, so it flushes and compacts nothing.
///
/// Errors are those of KeyStore. One owner thread.
class RunFiles {
 public:
  struct Options {
    std::filesystem::path folder;
    std::int64_t slice_ms = 0;
    const StoreResources* resources = nullptr;
  };
  /// Opens the folder, or makes it when it is empty or missing.
  static Result<std::unique_ptr<RunFiles>> Open(Options options);
  ~RunFiles();
  /// Deletes a folder that is not open.
  static Status Erase(const std::filesystem::path& folder);

  /// The first page of every run, in order.
  Result<std::vector<PageRef>> List();
  /// The file of each of these runs, to be read past RocksDB; -1 for one that cannot be opened.
  /// The caller closes it. It stays readable when the run is deleted.
  std::vector<int> OpenFiles(std::span<const PageRef> runs);
  /// Appends the pages of a run from this one on that follow each other.
  Status ReadPieces(PageRef from, std::string& out);

  /// Every run with its filter. Those that were merged into another are deleted.
  Result<std::vector<Run>> Load();

  /// Takes these finished files in: all or, on failure, none. The files are gone afterwards.
  Status TakeIn(const std::vector<std::filesystem::path>& files);

  /// Deletes the file of a run. What fails is only garbage: Load finds and deletes it.
  void Delete(std::int64_t slice, std::uint64_t run);

  /// Calls `seen(index of the page, its bytes)` for those pages that exist, in order; it returns
  /// false for a page that is malformed. `pages` is in order, without repeats.
  Status Read(std::span<const PageRef> pages,
              const std::function<bool(std::size_t, std::string_view)>& seen);

  std::uint64_t disk_bytes() const;
  std::uint64_t index_bytes() const;  ///< In memory: where the pages lie.

  struct Inner;  ///< RocksDB's side, for the files beside this.
  Inner& inner() { return *inner_; }

 private:
  explicit RunFiles(std::unique_ptr<Inner> inner);
  Status LoadFilter(rocksdb::Iterator& at, Run& run);
  Status Recover();
  const std::filesystem::path& folder() const;

  std::unique_ptr<Inner> inner_;
};

}  // namespace penstock::state
