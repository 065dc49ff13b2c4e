#pragma once

#include <string>
#include <string_view>

#include "model/dead_letter.h"

namespace penstock::protocol {

/// Appends the letter as one JSON object and a newline: `component`, `error`, `original_message`
/// as the reference system has them, then ours (docs/delivery-guarantees.md). Bytes that are not
/// UTF-8 go as base64, said by `"encoding"` for the message and `"key_encoding"` for the key.
void AppendDeadLetterLine(std::string& out, const DeadLetter& letter, std::string_view pipeline_id);

}  // namespace penstock::protocol
