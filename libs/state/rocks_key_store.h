#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "state/key_filter.h"
#include "state/key_store.h"
#include "state/recent_rows.h"
#include "state/row_page.h"
#include "state/run.h"
#include "state/run_files.h"
#include "state/run_merge.h"
#include "state/run_writer.h"
#include "state/slices.h"
#include "state/store_resources.h"

namespace penstock::state {

/// The key store of a shard on disk: README.md says how. A folder belongs to one store at a time.
///
/// What is on disk always is every row up to some message of the key log: after a crash log()
/// is that message, and the log from there on gives the rest. (Of a message that is larger than
/// what is kept in memory a part may be there already.)
class RocksKeyStore final : public KeyStore {
 public:
  struct Options {
    std::filesystem::path folder;
    std::int64_t window_ms = 0;
    const StoreResources* resources = nullptr;  ///< Outlives the store.
    /// Rows in memory before they go to disk together: 48 bytes each, up to 2^20.
    std::size_t recent_rows = 128 << 10;
  };

  /// Opens what is there, or an empty store. Error code "corrupt" (kStop), also for a folder of
  /// another window or version: Erase it, then open it again.
  static Result<std::unique_ptr<RocksKeyStore>> Open(Options options);
  /// Deletes a store that is not open.
  static Status Erase(const std::filesystem::path& folder);

  /// Writes what is in memory, so that little of the key log has to be read again.
  ~RocksKeyStore() override;

  Status Find(std::span<const KeyHash> keys, std::vector<Match>& found) override;
  Status Add(std::span<const FirstRow> rows, const Position& log) override;
  Position log() const override { return log_; }
  Status Rebase(const Position& log) override;
  Result<StreamSeq> DropBefore(std::int64_t timestamp_ms) override;
  Status Reset() override;
  Stats stats() const override;

 private:
  struct Slice {
    std::vector<Run> runs;
    std::uint64_t written = 0;  ///< The flush that wrote to it last.
  };
  /// A key that a page may hold.
  struct Lookup {
    PageRef page;
    std::uint32_t key = 0;
    friend auto operator<=>(const Lookup&, const Lookup&) = default;
  };

  explicit RocksKeyStore(Options options);
  Status Load();

  void FindPages(std::span<const KeyHash> keys);
  Status ReadPages(std::span<const KeyHash> keys, std::vector<Match>& found);

  RunInfo NewRun(std::int64_t slice, const Position& log);
  Status Flush();
  std::map<std::int64_t, std::vector<std::uint32_t>> RecentBySlice() const;
  Status TakeIn(std::vector<RunWriter> writers);
  Status Replace(const std::vector<RunInfo>& inputs, RunWriter writer);
  Status WriteMark(const Position& log);

  Status StepMerge(std::size_t rows);
  Status BeginMerge();

  Options options_;
  Slices slice_time_;
  std::unique_ptr<RunFiles> files_;
  std::map<std::int64_t, Slice> slices_;
  RecentRows recent_;
  Position recent_after_;  ///< Everything up to this message of the key log is on disk.
  std::int64_t recent_oldest_ms_ = std::numeric_limits<std::int64_t>::max();
  Position log_;
  std::uint64_t next_run_ = 1;
  std::uint64_t flushes_ = 0;
  std::uint64_t page_reads_ = 0;
  std::unique_ptr<RunMerge> merge_;
  bool may_merge_ = true;  ///< Runs have come since the last look for some to merge.

  std::vector<KeyFilter::Probe> probes_;
  std::vector<std::uint32_t> hits_;
  std::vector<Lookup> lookups_;
  std::vector<PageRef> pages_;
  PageView page_view_;
};

}  // namespace penstock::state
