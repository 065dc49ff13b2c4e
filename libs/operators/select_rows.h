#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "model/batch.h"
#include "model/column.h"

namespace penstock::operators {

/// Rows [first, last) of something.
struct RowRange {
  std::size_t first = 0;
  std::size_t last = 0;
};

/// The rows that are kRow, as ranges in order.
std::vector<RowRange> KeptRanges(std::span<const Outcome> outcomes);

/// Copies rows of a column, front to back, to columns of the same type.
class RowCopier {
 public:
  explicit RowCopier(const ColumnView& from) : from_(from), text_(from) {}

  /// The range begins at or after the end of the one before.
  void AppendTo(Column& to, const RowRange& range);

 private:
  std::string_view DataOf(const RowRange& range);

  ColumnView from_;
  TextCursor text_;
  std::size_t row_ = 0;  // Of the text cursor.
};

/// Appends these rows of `from` to `to`, a column of the same type.
void AppendRanges(const ColumnView& from, std::span<const RowRange> ranges, Column& to);

/// The section with nothing in it.
Section WithoutRecords(const Section& section);

/// The sections with what became of their kRow records, given in the order of the rows.
std::vector<Section> WithOutcomes(std::span<const Section> sections,
                                  std::span<const Outcome> outcomes);

/// Cuts a batch with at least two rows into two with about half of the rows each. The second one
/// continues the sections where the first one ends, and has the clock of a section that is cut.
std::pair<Batch, Batch> Halve(const Batch& batch);

}  // namespace penstock::operators
