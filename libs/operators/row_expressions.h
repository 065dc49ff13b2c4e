#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "expr/columns_row.h"
#include "expr/evaluator.h"
#include "expr/field_table.h"
#include "expr/output.h"
#include "model/batch.h"
#include "model/column.h"
#include "model/plan.h"

namespace penstock::operators {

/// The filter and the outputs of a plan, over the rows of a message. One owner thread.
class RowExpressions {
 public:
  /// Error code "config": an expression does not compile.
  static Result<std::unique_ptr<RowExpressions>> Make(const TransformPlan& plan,
                                                      const Clock& clock);

  bool any() const { return filter_ || outputs_; }

  struct Failure {
    std::size_t row = 0;
    Error error;
  };
  /// Decides about each row: kRow, kFiltered or (with a failure) kDeadLetter. The columns of the
  /// outputs get a row for each kRow.
  void Apply(std::span<const ColumnView> columns, std::span<Outcome> rows,
             std::vector<Failure>& failures);

  /// The columns of the plan's outputs, in the plan's order; empty without outputs.
  const std::vector<Column>& columns() const { return columns_; }

 private:
  RowExpressions(expr::FieldTable fields, const Clock& clock);

  Result<bool> ApplyRow();
  /// Into column `column`, what the outputs have computed. Fails when JSON could not hold it.
  Status AppendOutputs();
  Status Prepare(std::size_t output);

  expr::FieldTable fields_;
  expr::Evaluator evaluator_;
  expr::ColumnsRow row_;
  std::optional<expr::Program> filter_;
  std::optional<expr::Outputs> outputs_;
  std::vector<std::size_t> output_of_column_;
  std::vector<Column> columns_;
  std::vector<expr::Value> values_;
  std::vector<std::string> texts_;  // JSON of each column's value, where it travels as such.
  std::vector<Cell> cells_;
};

}  // namespace penstock::operators
