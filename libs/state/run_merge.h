#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "state/run.h"
#include "state/run_files.h"
#include "state/run_writer.h"

namespace penstock::state {

/// Which runs of a slice to merge now, if any: indexes into `rows`, their sizes. Runs of about the
/// same size are merged when there are four, so a row is written once for each fourfold size; those
/// of a slice that is `idle`, into which hardly anything comes any more, are merged into one where
/// that does not cost too much.
std::vector<std::size_t> ChooseMerge(std::span<const std::uint64_t> rows, bool idle);

/// Makes one run of several of a slice, a bounded piece of the work at a time. Rows that are in
/// more than one of them are written once. Errors are those of KeyStore; after one it is useless.
class RunMerge {
 public:
  /// `number` is the new run's. The inputs stay in the store until this is gone.
  static Result<std::unique_ptr<RunMerge>> Begin(RunFiles& files, std::vector<RunInfo> inputs,
                                                 std::uint64_t number);
  ~RunMerge();

  std::int64_t slice() const { return inputs_.front().slice; }
  const std::vector<RunInfo>& inputs() const { return inputs_; }

  /// Merges at most this many rows; true when all are: the writer then has the new run.
  Result<bool> Step(std::size_t rows);
  RunWriter writer() && { return std::move(writer_); }

 private:
  class Cursor;
  RunMerge(std::vector<RunInfo> inputs, RunWriter writer);

  std::vector<RunInfo> inputs_;
  RunWriter writer_;
  std::vector<std::unique_ptr<Cursor>> cursors_;  ///< Those that still have rows.
  std::vector<RecordId> written_;                 ///< Of the last key.
  KeyHash last_key_;
};

}  // namespace penstock::state
