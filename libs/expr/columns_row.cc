#include "expr/columns_row.h"

#include <algorithm>

#include "expr/compare.h"
#include "expr/json_reader.h"
#include "expr/number_text.h"

namespace penstock::expr {

void ColumnsRow::Start(std::span<const ColumnView> columns) {
  cells_.clear();
  cell_of_slot_.assign(fields_.names().size(), kNowhere);
  for (const ColumnView& column : columns) {
    const auto& names = fields_.names();
    const auto slot = std::find(names.begin(), names.end(), column.name);
    // Columns that nothing reads are not walked.
    if (slot == names.end() && !fields_.uses_whole()) continue;
    if (slot != names.end()) {
      cell_of_slot_[static_cast<std::size_t>(slot - names.begin())] = cells_.size();
    }
    cells_.push_back({column, TextCursor(column), {}, {}, false});
  }
  row_ = 0;
  started_ = false;
}

void ColumnsRow::Next() {
  row_ += started_ ? 1 : 0;
  started_ = true;
  for (Cell& cell : cells_) {
    cell.is_parsed = false;
    if (FixedWidth(cell.column.type) == 0) cell.text = cell.cursor.Next();
  }
}

Value ColumnsRow::Field(Context& context, std::uint32_t slot) {
  const std::size_t cell = slot < cell_of_slot_.size() ? cell_of_slot_[slot] : kNowhere;
  return cell == kNowhere ? Value::Nil() : ValueOf(context, cells_[cell]);
}

Value ColumnsRow::ValueOf(Context& context, Cell& cell) {
  if (cell.column.At(row_) != Presence::kValue) return Value::Nil();
  switch (cell.column.type) {
    case PhysicalType::kBool:
      return Value::Bool(cell.column.data[row_] != 0);
    case PhysicalType::kInt64: {
      const auto integer = cell.column.Fixed<std::int64_t>(row_);
      const auto bits = static_cast<std::uint64_t>(integer);
      return RecordInteger(integer < 0, integer < 0 ? 0 - bits : bits);
    }
    case PhysicalType::kUint64:
      return RecordInteger(false, cell.column.Fixed<std::uint64_t>(row_));
    case PhysicalType::kFloat64:
      return Value::Float(cell.column.Fixed<double>(row_));
    case PhysicalType::kString:
      return Value::String(cell.text);
    case PhysicalType::kJson:
      if (!cell.is_parsed) cell.parsed = ReadJson(context, cell.text).value_or(Value::Nil());
      cell.is_parsed = !context.failed();
      return cell.parsed;
  }
  return Value::Nil();
}

Value ColumnsRow::Whole(Context& context) {
  if (!context.Room(cells_.size() * sizeof(Entry))) return Value::Nil();
  auto* const entries = context.arena().Make<Entry>(cells_.size());
  std::size_t count = 0;
  for (Cell& cell : cells_) {
    if (cell.column.At(row_) == Presence::kAbsent) continue;
    entries[count++] = {Value::String(cell.column.name), ValueOf(context, cell)};
  }
  return Value::Map({entries, SortEntries(entries, count)});
}

}  // namespace penstock::expr
