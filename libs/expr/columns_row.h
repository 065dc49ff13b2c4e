#pragma once

#include <span>
#include <vector>

#include "expr/evaluator.h"
#include "expr/field_table.h"
#include "model/column.h"

namespace penstock::expr {

/// The rows of a batch, front to back, of which expressions read the columns. A json column's text
/// is parsed when a row's first expression asks for it, and once a row. Numbers are floats unless
/// that would round them; null and absent are nil.
class ColumnsRow final : public Row {
 public:
  /// The table must outlive it, and was made over columns.
  explicit ColumnsRow(const FieldTable& fields) : fields_(fields) {}

  /// Begins before the first row. The columns' bytes are borrowed. Expressions are compiled before.
  void Start(std::span<const ColumnView> columns);
  /// Moves on to the next row. The values of the one before must be gone (Evaluator::StartRow).
  void Next();

  /// Nil for a field that is no column.
  Value Field(Context& context, std::uint32_t slot) override;
  /// All columns that have a value in this row or null, by name.
  Value Whole(Context& context) override;

 private:
  static constexpr std::size_t kNowhere = SIZE_MAX;
  struct Cell {
    ColumnView column;
    TextCursor cursor;
    std::string_view text;  ///< Of this row.
    Value parsed;           ///< kJson
    bool is_parsed = false;
  };

  Value ValueOf(Context& context, Cell& cell);

  const FieldTable& fields_;
  std::vector<Cell> cells_;
  std::vector<std::size_t> cell_of_slot_;
  std::size_t row_ = 0;
  bool started_ = false;
};

}  // namespace penstock::expr
