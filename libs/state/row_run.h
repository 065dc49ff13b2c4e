#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "state/data_page.h"
#include "state/key_filter.h"
#include "state/row_store.h"
#include "state/run.h"
#include "state/run_file_writer.h"
#include "state/run_files.h"

namespace penstock::state {

/// Orders the rows of a run: by key, those of a key by time, then by number.
inline bool RowBefore(const StoredRow& a, const StoredRow& b) {
  if (a.key != b.key) return a.key < b.key;
  return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.number < b.number;
}

/// A file that is open for reading, or -1.
class RunFile {
 public:
  RunFile() = default;
  explicit RunFile(int descriptor) : descriptor_(descriptor) {}
  RunFile(RunFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  RunFile& operator=(RunFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~RunFile();

  /// False when these bytes are not to be had.
  bool Read(std::uint64_t offset, std::span<char> out) const;

 private:
  int descriptor_ = -1;
};

/// A run of stored rows: those of one side and slice of time in the order of RowBefore, written
/// once, as one file of RocksDB. What is in memory of it: a filter, where its pages begin, and
/// which of its rows were removed since.
struct RowRun {
  std::int64_t slice = 0;  ///< As RocksDB has it: side and slice of time.
  std::uint64_t number = 0;
  std::uint64_t rows = 0;
  std::int64_t oldest_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t newest_ms = std::numeric_limits<std::int64_t>::min();
  KeyFilter filter;
  std::vector<std::uint64_t> highs;  ///< Of each page: the top half of its first key.
  struct Page {
    std::uint64_t offset = 0;  ///< In the file.
    std::uint32_t size = 0;
    std::uint32_t first_row = 0;  ///< By its place in the run.
  };
  std::vector<Page> pages;
  RunFile file;

  std::vector<std::uint64_t> removed;  ///< A bit a row; empty: none.
  std::uint64_t live_rows = 0;
  std::uint64_t live_bytes = 0;  ///< Of their data.

  bool IsRemoved(std::size_t row) const {
    return !removed.empty() && (removed[row / 64] >> (row % 64) & 1) != 0;
  }
  /// False when it was removed before.
  bool Remove(std::size_t row, std::size_t data_bytes);

  /// The pages that may have rows of the key: first and last.
  std::pair<std::uint32_t, std::uint32_t> PagesOf(const KeyHash& key) const;
  std::size_t bytes() const;  ///< In memory.
};

/// Writes a run. Errors are those of RowStore.
class RowRunWriter {
 public:
  /// With at most so many rows.
  static Result<RowRunWriter> Open(RunFiles& files, std::int64_t slice, std::uint64_t number,
                                   std::uint64_t rows);
  /// In order.
  Status Add(const StoredRow& row);
  /// Ends the file: the run is in the store when the file is taken in.
  Result<RowRun> Finish();
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  explicit RowRunWriter(RunFileWriter file) : file_(std::move(file)) {}
  Status WritePage();

  RunFileWriter file_;
  RowRun run_;
  DataPageWriter page_;
};

/// The run without what was removed of it: that is not in its file.
Result<RowRun> LoadRowRun(RunFiles& files, std::int64_t slice, std::uint64_t number);

/// The rows of a run that are not removed, in order.
class RowRunCursor {
 public:
  RowRunCursor(RunFiles& files, const RowRun& run);
  RowRunCursor(RowRunCursor&&) noexcept;
  ~RowRunCursor();

  /// To the first, the next row; `done` after the last. Errors are those of RowStore.
  Status Next();
  bool done() const { return done_; }
  const StoredRow& row() const { return row_; }  ///< Its data is valid until Next.
  std::size_t place() const { return place_; }   ///< In the run.

 private:
  struct Pages;
  Status NextPage();

  RunFiles* files_;
  const RowRun* run_;
  std::unique_ptr<Pages> pages_;
  DataPageView view_;
  std::size_t next_ = 0;       // In the page.
  std::size_t next_page_ = 0;  // Of the run.
  std::size_t place_ = 0;
  bool done_ = false;
  StoredRow row_;
};

}  // namespace penstock::state
