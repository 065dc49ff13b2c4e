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
#include "state/row_run.h"

namespace penstock::state {

/// The oldest rows of a slice on disk, by time, as many as fit into a piece of memory: runs are in
/// the order of keys, so that this takes a look at each row of the slice.
class OldestRows {
 public:
  using Place = std::pair<std::int64_t, std::uint64_t>;  ///< In time: time and number.
  static constexpr Place kStart = {std::numeric_limits<std::int64_t>::min(), 0};

  struct Row {
    StoredRow row;  ///< Its data is Data(row).
    RowRun* run = nullptr;
    std::size_t place = 0;
    std::size_t data = 0;
    std::size_t size = 0;
    bool IsRemoved() const { return run->IsRemoved(place); }
    Place when() const { return {row.time_ms, row.number}; }
  };

  /// Keeps at least so much, and an eighth of the slice where that is more.
  explicit OldestRows(std::size_t least_bytes) : least_bytes_(least_bytes) {}

  /// Loads the rows after `after`. Errors are those of RowStore.
  Status Load(RunFiles& files, std::int64_t slice, std::span<const std::unique_ptr<RowRun>> runs,
              Place after);
  /// Nothing is known any more: runs have changed.
  void Clear();

  std::int64_t slice() const { return slice_; }
  Place after() const { return after_; }
  bool is_last() const { return is_last_; }  ///< The slice has no more rows.
  /// In order, but for those that were removed at the beginning.
  std::span<const Row> rows();
  std::string_view Data(const Row& row) const {
    return std::string_view(data_).substr(row.data, row.size);
  }
  /// Where what is loaded ends.
  Place end() const { return end_; }

 private:
  void KeepOldest(std::size_t bytes);

  std::size_t least_bytes_;
  std::int64_t slice_ = std::numeric_limits<std::int64_t>::min();
  Place after_ = kStart;
  Place end_ = kStart;
  bool is_last_ = false;
  std::vector<Row> rows_;
  std::size_t first_ = 0;
  std::string data_;
};

}  // namespace penstock::state
