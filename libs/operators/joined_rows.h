#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/batch.h"
#include "model/column.h"
#include "model/plan.h"
#include "operators/packed_rows.h"

namespace penstock::operators {

/// Makes the columns of joined rows out of packed ones. One owner thread.
class JoinedRows {
 public:
  explicit JoinedRows(const JoinPlan& plan);

  void Clear();
  /// `right` empty: the left row has no partner, the right side's columns get nulls. Error (kStop,
  /// "corrupt"): the bytes are no packed rows of the plan.
  Status Add(std::string_view left, std::optional<std::string_view> right);

  /// The left rows' Kafka timestamps, and a column for each output of the plan.
  const std::vector<std::int64_t>& timestamps_ms() const { return timestamps_ms_; }
  const std::vector<Column>& columns() const { return columns_; }
  /// Puts them into the batch, and takes its memory for the next ones.
  void MoveTo(Batch& batch);

 private:
  std::vector<Column> EmptyColumns() const;

  std::vector<JoinPlan::Output> outputs_;
  PackedRows left_;
  PackedRows right_;
  PackedRows::Row left_row_;
  PackedRows::Row right_row_;
  std::vector<std::int64_t> timestamps_ms_;
  std::vector<Column> columns_;
};

}  // namespace penstock::operators
