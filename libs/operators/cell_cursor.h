#pragma once

#include <cstddef>

#include "model/column.h"

namespace penstock::operators {

/// Walks any column front to back, a cell at a time.
class CellCursor {
 public:
  explicit CellCursor(const ColumnView& column) : column_(column), text_(column) {}

  Cell Next() {
    const std::size_t row = row_++;
    const std::size_t width = FixedWidth(column_.type);
    const std::string_view text = width == 0 ? text_.Next() : std::string_view();
    if (column_.HasGaps() && column_.At(row) != Presence::kValue) {
      return Cell::Missing(column_.At(row));
    }
    Cell cell = Cell::Missing(Presence::kValue);
    cell.type = column_.type;
    if (width == 0) {
      cell.text = text;
    } else if (width == 1) {
      cell.uint64 = column_.Fixed<std::uint8_t>(row);
    } else {
      cell.uint64 = column_.Fixed<std::uint64_t>(row);
    }
    return cell;
  }

 private:
  ColumnView column_;
  TextCursor text_;
  std::size_t row_ = 0;
};

}  // namespace penstock::operators
