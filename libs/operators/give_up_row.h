#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/batch.h"
#include "model/dead_letter.h"

namespace penstock::operators {

/// The only row of the batch fits no message of `max_payload` bytes: it becomes a dead letter of
/// `component`, and the batch says so and has no row any more. `row`: what it is, as "joined".
DeadLetter GiveUpRow(Batch& batch, std::string_view component, std::string_view row,
                     std::size_t max_payload, std::int64_t now_ms);

}  // namespace penstock::operators
