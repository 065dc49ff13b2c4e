#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "model/column.h"

namespace penstock {

/// One row of some columns as a JSON object: what a dead letter shows as the original past the
/// ingestor. Its coordinates lead to the exact bytes in Kafka. Fields that the record did not have
/// are left out.
std::string RowAsJson(std::span<const ColumnView> columns, std::size_t row);

}  // namespace penstock
