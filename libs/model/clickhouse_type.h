#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace penstock {

struct TypeArgument;

/// A ClickHouse type as a tree: `Array(LowCardinality(Nullable(DateTime64(3, 'UTC'))))` is Array
/// with one argument of kind kType, and so on down to DateTime64 with a number and a text. Plain
/// data: which names exist and what their arguments mean is for the reader of the tree.
struct ClickHouseType {
  std::string name;
  std::vector<TypeArgument> arguments;

  friend bool operator==(const ClickHouseType&, const ClickHouseType&);
};

struct TypeArgument {
  enum class Kind : std::uint8_t {
    kType,        ///< `String`; also the function of AggregateFunction: `sum`, `quantiles(0.5)`.
    kNumber,      ///< `3`, `-5`, `0.5`.
    kText,        ///< `'UTC'`.
    kNamedType,   ///< `id UInt64`, of Tuple, Nested and JSON.
    kEnumValue,   ///< `'red' = 1`.
    kSetting,     ///< `max_types = 8`, of Dynamic and JSON.
    kSkip,        ///< `SKIP a.b`, of JSON.
    kSkipRegexp,  ///< `SKIP REGEXP 'a.*'`, of JSON.
  };
  Kind kind = Kind::kType;
  /// The text without quotes and escapes; the name of a named type or setting; the skipped path
  /// or expression. Of a plain number its digits as written.
  std::string text;
  std::int64_t number = 0;           ///< Of kNumber (when it is an integer), kEnumValue, kSetting.
  std::vector<ClickHouseType> type;  ///< One of kType and kNamedType, else none.

  friend bool operator==(const TypeArgument&, const TypeArgument&) = default;
};

inline bool operator==(const ClickHouseType& a, const ClickHouseType& b) {
  return a.name == b.name && a.arguments == b.arguments;
}

/// Reads a type as ClickHouse writes it (system.columns, DESCRIBE) or as a person does. Blanks
/// between the parts are free, before and after the type they are a fault. Error code "type";
/// the detail has the 1-based position and what was expected. Never deeper than 64.
Result<ClickHouseType> ParseClickHouseType(std::string_view text);

/// As ClickHouse prints it: ParseClickHouseType reads it back to the same tree.
std::string ToText(const ClickHouseType& type);

/// `name` in backticks, with backticks and backslashes escaped: an identifier for SQL.
std::string QuoteIdentifier(std::string_view name);
/// `text` as an SQL string in single quotes.
std::string QuoteText(std::string_view text);

}  // namespace penstock
