#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/column.h"
#include "model/plan.h"

namespace penstock::json {

/// The kinds of value that the check of a record tells apart: all numbers are one kind, whatever
/// width is declared.
enum class JsonKind : std::uint8_t { kString, kNumber, kBool, kArray, kObject, kNull, kNone };

/// Of the value that begins with `first`; kNone: no value does.
constexpr JsonKind KindOf(char first) {
  switch (first) {
    case '"':
      return JsonKind::kString;
    case '{':
      return JsonKind::kObject;
    case '[':
      return JsonKind::kArray;
    case 't':
    case 'f':
      return JsonKind::kBool;
    case 'n':
      return JsonKind::kNull;
    default:
      return first == '-' || (first >= '0' && first <= '9') ? JsonKind::kNumber : JsonKind::kNone;
  }
}

/// How a field's value becomes its cell.
enum class Take : std::uint8_t {
  kNothing,  ///< Only checked.
  kBool,
  kNumber,
  kText,  ///< The characters of a string.
  kRaw,   ///< The value's own JSON text.
};

/// Why a value is not the field's.
enum class Flaw : std::uint8_t { kNone, kMissing, kNull, kKind, kRange, kFraction };

/// A planned field, ready for the parser.
struct FieldRule {
  std::string name;
  JsonKind kind = JsonKind::kString;
  Take take = Take::kText;
  PhysicalType physical = PhysicalType::kString;
  bool drop_fraction = false;
  bool may_lack = false;  ///< Null or missing is no flaw: `fallback` stands for it.
  bool has_default = false;
  std::size_t slot = 0;  ///< Its place among the cells.
  std::string fallback_text;
  Cell fallback;  ///< Its text, if any, is not set: fallback_text has it.
};

/// Error kStop "config": the plan contradicts itself.
Result<FieldRule> MakeRule(const PlannedField& field, std::size_t slot);

/// The dead letter's error. `first` is the value's first character, `text` a number's text.
Error SchemaMismatch(const FieldRule& rule, Flaw flaw, char first, std::string_view text);

}  // namespace penstock::json
