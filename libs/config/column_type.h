#pragma once

#include <string>
#include <string_view>

namespace penstock::config {

/// What is wrong with a ClickHouse type as DESCRIBE TABLE writes it; empty: nothing. Checks names,
/// brackets and nesting, not the values of parameters: the server has the last word at start.
std::string ColumnTypeFault(std::string_view type);

/// Whether a number needs its exact text on the way to a column of this type: Decimal and the
/// integers of 128 and 256 bits, also inside Nullable, LowCardinality and SimpleAggregateFunction.
bool NeedsExactNumber(std::string_view column_type);

}  // namespace penstock::config
