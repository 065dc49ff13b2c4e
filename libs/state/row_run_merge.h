#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "state/row_run.h"

namespace penstock::state {

/// Makes one run of several of a slice, without the rows that were removed, a bounded piece of the
/// work at a time. Errors are those of RowStore; after one it is useless.
class RowRunMerge {
 public:
  /// `number` is the new run's. The inputs stay where they are until this is gone.
  static Result<std::unique_ptr<RowRunMerge>> Begin(RunFiles& files,
                                                    std::vector<const RowRun*> inputs,
                                                    std::uint64_t number);

  const std::vector<const RowRun*>& inputs() const { return inputs_; }
  std::int64_t slice() const { return inputs_.front()->slice; }
  bool done() const { return left_ == 0; }

  /// Merges at most this many rows.
  Status Step(std::size_t rows);
  /// When it is done, once: ends the file.
  Status Finish();
  const std::filesystem::path& path() const { return writer_.path(); }
  /// After Finish: the new run. What was removed of the inputs meanwhile is removed of it.
  RowRun Take() &&;

 private:
  static constexpr std::uint32_t kLeftOut = std::numeric_limits<std::uint32_t>::max();
  struct Input {
    RowRunCursor cursor;
    std::vector<std::uint32_t> places;  ///< In the new run, of each row.
  };
  RowRunMerge(std::vector<const RowRun*> inputs, RowRunWriter writer)
      : inputs_(std::move(inputs)), writer_(std::move(writer)) {}

  std::vector<const RowRun*> inputs_;
  RowRunWriter writer_;
  std::vector<Input> cursors_;
  std::size_t left_ = 0;  ///< Cursors that still have rows.
  std::uint32_t written_ = 0;
  RowRun run_;
};

}  // namespace penstock::state
