#pragma once

#include <string>

#include "model/column.h"

namespace penstock::protocol {

/// Appends a part of a key: equal values of one field give equal bytes, and different parts never
/// run together. Text is taken byte for byte; a number with its exact text (kJson) by its value, so
/// that 1, 1.0 and 1e0 are one key; other JSON by its text. The cell has a value.
///
/// These bytes choose the shard and name the key in the key log: they are for ever.
void AppendKeyPart(std::string& out, const Cell& cell);

}  // namespace penstock::protocol
