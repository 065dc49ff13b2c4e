#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "state/oldest_rows.h"
#include "state/row_run.h"
#include "state/row_run_merge.h"
#include "state/row_store.h"
#include "state/run_files.h"
#include "state/slices.h"
#include "state/store_resources.h"
#include "state/young_rows.h"

namespace penstock::state {

/// The row store of a shard on disk: README.md says how. A folder belongs to one store at a time.
///
/// Rows collect in memory and go to disk together with the state. So after a crash state() may be
/// an older one, with exactly its rows: by what fits in memory, at most, and by half a window, as
/// DropBefore tells the time.
class RocksRowStore final : public RowStore {
 public:
  struct Options {
    std::filesystem::path folder;
    std::int64_t left_window_ms = 0;
    std::int64_t right_window_ms = 0;
    const StoreResources* resources = nullptr;  ///< Outlives the store.
    /// Rows in memory before they go to disk together: their data and 64 bytes each. One Write
    /// more than this is kept at most; where FindBefore is used, a twelfth beside it.
    std::size_t young_bytes = 12 << 20;
  };

  /// Opens what is there, or an empty store. Error code "corrupt" (kStop), also for a folder of
  /// other windows or another version: Erase it, then open it again.
  static Result<std::unique_ptr<RocksRowStore>> Open(Options options);
  /// Deletes a store that is not open.
  static Status Erase(const std::filesystem::path& folder);

  /// Writes what is in memory.
  ~RocksRowStore() override;

  Status FindNewest(Side side, std::span<const Query> queries, std::vector<Match>& found) override;
  Status FindAll(Side side, std::span<const Query> queries, std::vector<Match>& found) override;
  Status FindBefore(Side side, std::int64_t before_ms, std::size_t limit,
                    std::vector<StoredRow>& found) override;
  Status Write(const Changes& changes, std::string_view state) override;
  const std::string& state() const override { return state_; }
  Result<std::uint64_t> DropBefore(Side side, std::int64_t before_ms) override;
  Status Reset() override;
  Stats stats() const override;

  struct Costs {
    std::uint64_t page_reads = 0;
    std::uint64_t page_reads_by_rocksdb = 0;  ///< Of them: the file itself did not give the page.
    std::uint64_t runs = 0;
    std::uint64_t young_bytes = 0;  ///< In memory: rows that are not on disk yet,
    std::uint64_t index_bytes = 0;  ///< filters, indexes and marks of removed rows.
  };
  Costs costs() const;

 private:
  using Runs = std::vector<std::unique_ptr<RowRun>>;
  struct SideRows {
    SideRows(std::int64_t window, std::size_t young_bytes)
        : window_ms(window), slices(window), young(young_bytes), oldest(young_bytes / 12) {}
    std::int64_t window_ms;
    Slices slices;
    YoungRows young;
    std::map<std::int64_t, Runs> runs;  ///< By slice.
    OldestRows oldest;
    OldestRows::Place oldest_from = OldestRows::kStart;  ///< Until there all of its slice is gone.
    std::optional<std::int64_t> told_ms;                 ///< By DropBefore, the last time,
    std::optional<std::int64_t> written_at_ms;           ///< and the last before a Flush.
  };
  /// Where a row lies: in a run, or in memory.
  struct Located {
    std::uint64_t number = 0;
    RowRun* run = nullptr;
    std::size_t place = 0;
    std::size_t size = 0;
  };
  /// A row that was found.
  struct Read {
    std::size_t query = 0;
    StoredRow row;
    RowRun* run = nullptr;  ///< Without: the row is young, and its data where it was.
    std::size_t place = 0;
    std::size_t copy = 0;  ///< Of a row from disk: where its data lies in what was copied.
  };
  /// A page that may have rows of a query, and whether those before may, down to `first`.
  struct Lookup {
    PageRef page;
    std::size_t query = 0;
    RowRun* run = nullptr;
    std::uint32_t first = 0;
  };

  explicit RocksRowStore(Options options);
  Status Load();
  Status LoadRuns();
  SideRows& Of(Side side) { return sides_[static_cast<std::size_t>(side)]; }
  const SideRows& Of(Side side) const { return sides_[static_cast<std::size_t>(side)]; }
  void Forget();

  // rocks_row_store_find.cc
  void BeginFind(Side side);
  Status FindNewestOnDisk(SideRows& side, std::span<const Query> queries);
  Status FindAllOnDisk(SideRows& side, std::span<const Query> queries);
  void Ask(const Runs& runs, std::span<const Query> queries, bool newest);
  template <typename Seen>
  void ForEachHit(const Runs& runs, std::span<const Query> queries, const Seen& seen);
  Status ReadPage(const RowRun& run, const PageRef& page);
  template <typename Seen>
  Status ReadPages(const Seen& seen);
  Status FindOldestOnDisk(SideRows& side, std::int64_t before_ms, std::size_t limit);
  void Keep(Read& read, const StoredRow& row, RowRun* run, std::size_t place);
  StoredRow Tell(Side side, const Read& read);
  Result<std::vector<Located>> Locate(std::span<const StoredRow> rows);

  // rocks_row_store_write.cc
  Status Flush();
  Status WriteYoung(Side side, std::vector<RowRunWriter>& writers);
  Status StepMerge(std::size_t rows);
  Status BeginMerge();
  void OpenFiles(std::span<const std::unique_ptr<RowRun>> runs);
  bool IsFull() const;

  Options options_;
  std::unique_ptr<RunFiles> files_;
  std::array<SideRows, 2> sides_;
  std::string state_;
  PageRef mark_;             ///< What on disk says which runs there are; run 0: nothing does.
  bool changed_ = false;     ///< Since the last Flush.
  bool must_write_ = false;  ///< A Flush that was due has failed.
  std::uint64_t next_run_ = 1;
  std::unique_ptr<RowRunMerge> merge_;
  bool may_merge_ = true;        ///< Runs have come since the last look for some to merge.
  std::vector<PageRef> doomed_;  ///< Runs to delete when the disk says that they are gone.
  std::uint64_t page_reads_ = 0;
  std::uint64_t page_reads_by_rocksdb_ = 0;

  // Of the last call that found something.
  std::vector<Located> located_;  ///< Left rows, for Write to remove.
  std::string copied_;
  std::vector<Read> reads_;
  std::vector<std::size_t> newest_;  ///< Of each query: an index into reads_, from 1.

  std::vector<KeyFilter::Probe> probes_;
  std::vector<std::uint32_t> asked_;  ///< Queries of the probes.
  std::vector<std::uint32_t> hits_;
  std::vector<Lookup> lookups_;
  std::vector<Lookup> further_;
  std::vector<char> page_;
  DataPageView view_;
};

}  // namespace penstock::state
