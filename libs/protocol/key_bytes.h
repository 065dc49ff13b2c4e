#pragma once

#include <cstdint>
#include <string>

#include "model/column.h"

namespace penstock::protocol {

/// Appends a part of a key: equal values of one field give equal bytes, and different parts never
/// run together. Text is taken byte for byte; a number with its exact text (kJson) by its value, so
/// that 1, 1.0 and 1e0 are one key; other JSON by its text. The cell has a value.
///
/// These bytes choose the shard and name the key in the key log: they are for ever.
void AppendKeyPart(std::string& out, const Cell& cell);

/// The same for values that are compared with those of a field of another type, as in a join of a
/// number with a text: as texts. Whole numbers are their digits, so that 5, 5.0 and "5" are one
/// key.
void AppendKeyText(std::string& out, const Cell& cell);

/// Which of the two.
enum class KeyForm : std::uint8_t { kPart, kText };
inline void AppendKey(std::string& out, const Cell& cell, KeyForm form) {
  form == KeyForm::kText ? AppendKeyText(out, cell) : AppendKeyPart(out, cell);
}

}  // namespace penstock::protocol
