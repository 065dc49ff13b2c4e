#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "state/row_page.h"
#include "state/run.h"
#include "state/run_file_writer.h"
#include "state/run_files.h"

namespace penstock::state {

/// Writes a run's file beside the store: a few KiB of memory and the filter. The file is removed
/// unless it was taken in. Errors are those of KeyStore.
class RunWriter {
 public:
  /// `info` says slice, number, messages of the key log, what it replaces, and in `rows` how many
  /// will be added at most.
  static Result<RunWriter> Open(RunFiles& files, RunInfo info);

  /// In the order of keys, those of one key in any order.
  Status Add(const FirstRow& row);

  /// Ends the file. Gives the run, which is in the store when the file is taken in.
  Result<Run> Finish();
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  RunWriter(RunFiles& files, RunInfo info, RunFileWriter file);
  Status WritePage();

  std::int64_t slice_ms_;
  Run run_;
  RunFileWriter file_;
  std::vector<FirstRow> page_rows_;
  std::uint32_t page_ = 0;
  PageWriter page_writer_;
  std::string page_bytes_;
};

}  // namespace penstock::state
