#pragma once

#include <cstddef>
#include <optional>
#include <span>
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

/// Appends these rows of `from` to `to`, a column of the same type.
void AppendRanges(const ColumnView& from, std::span<const RowRange> ranges, Column& to);

/// The sections with what became of their kRow records, given in the order of the rows.
std::vector<Section> WithOutcomes(std::span<const Section> sections,
                                  std::span<const Outcome> outcomes);

/// Cuts a batch with at least two rows into two with about half of the rows each. The second one
/// continues the sections where the first one ends.
std::pair<Batch, Batch> Halve(const Batch& batch);

}  // namespace penstock::operators
