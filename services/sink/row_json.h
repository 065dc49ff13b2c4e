#pragma once

#include <cstddef>
#include <string>

#include "protocol/batch_codec.h"

namespace penstock::sink {

/// One row of a message as a JSON object: what a dead letter shows as the original. Its
/// coordinates lead to the exact bytes in Kafka. Fields that the record did not have are left out.
std::string RowAsJson(const protocol::Rows& rows, std::size_t row);

}  // namespace penstock::sink
