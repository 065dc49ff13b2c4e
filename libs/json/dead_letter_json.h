#pragma once

#include <string_view>

#include "base/result.h"
#include "model/dead_letter.h"

namespace penstock::json {

/// Reads one line as protocol::AppendDeadLetterLine writes it (docs/delivery-guarantees.md, "Dead
/// letters"). What is missing stays empty, so that letters of other versions can be listed too;
/// base64 is undone. The error code is "dead_letter" (Remedy::kDeadLetter): the line is not a JSON
/// object, a member is ill-typed, a time or an encoding is malformed.
Result<DeadLetter> ParseDeadLetter(std::string_view line);

}  // namespace penstock::json
