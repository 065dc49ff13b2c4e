#include "operators/packed_rows.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/format.h"
#include "operators/cell_cursor.h"

namespace penstock::operators {

namespace {

void AppendCell(std::string& out, const Cell& cell) {
  AppendFixed(out, cell.presence);
  if (cell.presence != Presence::kValue) return;
  switch (FixedWidth(cell.type)) {
    case 0:
      return AppendString(out, cell.text);
    case 1:
      return AppendFixed(out, static_cast<std::uint8_t>(cell.uint64));
    default:
      return AppendFixed(out, cell.uint64);
  }
}

Cell ReadCell(ByteReader& reader, PhysicalType type) {
  const auto presence = static_cast<Presence>(reader.Fixed<std::uint8_t>());
  Cell cell = Cell::Missing(presence);
  if (presence != Presence::kValue) return cell;
  cell.type = type;
  switch (FixedWidth(type)) {
    case 0:
      cell.text = reader.String();
      break;
    case 1:
      cell.uint64 = reader.Fixed<std::uint8_t>();
      break;
    default:
      cell.uint64 = reader.Fixed<std::uint64_t>();
  }
  return cell;
}

}  // namespace

PackedRows::PackedRows(const JoinPlan& plan, Side side) {
  for (const JoinPlan::Output& output : plan.outputs) {
    if (output.side == side) fields_.push_back(plan.side(side).input[output.field]);
  }
}

Status PackedRows::Pack(std::span<const ColumnView> columns,
                        std::span<const std::int64_t> timestamps_ms,
                        const std::vector<bool>& wanted) {
  std::vector<CellCursor> cursors;
  for (const PlannedField& field : fields_) {
    const auto column = std::ranges::find(columns, field.name, &ColumnView::name);
    if (column == columns.end() || column->type != field.physical) {
      return Error{Remedy::kStop, "corrupt",
                   fmt::format("the column '{}' of the pipeline is not there, or of another type: "
                               "the message was written under another version of the document",
                               field.name)};
    }
    cursors.emplace_back(*column);
  }
  bytes_.clear();
  ends_.clear();
  for (std::size_t row = 0; row < timestamps_ms.size(); ++row) {
    if (wanted[row]) AppendVarint(bytes_, ZigZag(timestamps_ms[row]));
    for (CellCursor& cursor : cursors) {
      const Cell cell = cursor.Next();
      if (wanted[row]) AppendCell(bytes_, cell);
    }
    if (wanted[row]) ends_.push_back(bytes_.size());
  }
  return Done{};
}

std::string_view PackedRows::operator[](std::size_t row) const {
  const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
  return std::string_view(bytes_).substr(begin, ends_[row] - begin);
}

Status PackedRows::Unpack(std::string_view packed, Row& row) const {
  ByteReader reader(packed);
  row.timestamp_ms = reader.SignedVarint();
  row.cells.clear();
  for (const PlannedField& field : fields_) row.cells.push_back(ReadCell(reader, field.physical));
  if (reader.ok() && reader.left() == 0) return Done{};
  return Error{Remedy::kStop, "corrupt", "a row of the join's store is not one that was put there"};
}

}  // namespace penstock::operators
