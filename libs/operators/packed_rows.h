#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/column.h"
#include "model/plan.h"

namespace penstock::operators {

/// The fields of a side's rows that joined rows need, as bytes: the row's Kafka timestamp, then of
/// each field its presence and value. One owner thread.
class PackedRows {
 public:
  PackedRows(const JoinPlan& plan, Side side);

  /// Packs those rows of a message that `wanted` tells, in order; replaces what was packed. Error
  /// (kStop, "corrupt"): a field is not there, or of another type.
  Status Pack(std::span<const ColumnView> columns, std::span<const std::int64_t> timestamps_ms,
              const std::vector<bool>& wanted);
  std::size_t size() const { return ends_.size(); }
  /// Borrowed until the next Pack.
  std::string_view operator[](std::size_t row) const;

  /// The cells of a packed row, one for each output of the plan that this side has, in their order;
  /// borrowed from `packed`.
  struct Row {
    std::int64_t timestamp_ms = 0;
    std::vector<Cell> cells;
  };
  Status Unpack(std::string_view packed, Row& row) const;

 private:
  std::vector<PlannedField> fields_;
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace penstock::operators
