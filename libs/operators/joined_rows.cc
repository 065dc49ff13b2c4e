#include "operators/joined_rows.h"

#include <utility>

namespace penstock::operators {

JoinedRows::JoinedRows(const JoinPlan& plan)
    : outputs_(plan.outputs), left_(plan, Side::kLeft), right_(plan, Side::kRight) {
  columns_ = EmptyColumns();
}

std::vector<Column> JoinedRows::EmptyColumns() const {
  std::vector<Column> columns;
  for (const JoinPlan::Output& output : outputs_) {
    columns.emplace_back(output.column.name, output.column.physical);
  }
  return columns;
}

void JoinedRows::MoveTo(Batch& batch) {
  std::swap(batch.timestamps_ms, timestamps_ms_);
  std::swap(batch.columns, columns_);
  if (columns_.empty()) columns_ = EmptyColumns();
}

void JoinedRows::Clear() {
  timestamps_ms_.clear();
  for (Column& column : columns_) column.Clear();
}

Status JoinedRows::Add(std::string_view left, std::optional<std::string_view> right) {
  PENSTOCK_RETURN_IF_ERROR(left_.Unpack(left, left_row_));
  if (right) PENSTOCK_RETURN_IF_ERROR(right_.Unpack(*right, right_row_));
  timestamps_ms_.push_back(left_row_.timestamp_ms);
  auto left_cell = left_row_.cells.begin();
  auto right_cell = right_row_.cells.begin();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].side == Side::kLeft) {
      columns_[i].Append(*left_cell++);
    } else {
      columns_[i].Append(right ? *right_cell++ : Cell::Missing(Presence::kNull));
    }
  }
  return Done{};
}

}  // namespace penstock::operators
