#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/column.h"
#include "model/plan.h"

namespace penstock::testing {

struct JsonMember;

/// A JSON value as a slow and obvious reader sees it, to judge the fast one by.
struct JsonValue {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::string text;  ///< A string's characters.
  std::string raw;   ///< The value's own text, without white space around it.
  std::vector<JsonValue> items;
  std::vector<JsonMember> members;

  /// The last member of this name; null: there is none, or this is no object.
  const JsonValue* Last(std::string_view name) const;
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

/// RFC 8259, strictly, and UTF-8, strictly. Empty: malformed, or nested more than 1200 deep.
std::optional<JsonValue> ReadJson(std::string_view text);

/// What a record must give, from the rules in docs rather than from the parser.
struct ExpectedRecord {
  enum class Verdict : std::uint8_t { kCells, kParseError, kSchemaMismatch };
  Verdict verdict = Verdict::kCells;
  std::vector<std::string> cells;  ///< As ShowCell writes them; of the sent fields.
};
ExpectedRecord Expect(const SourcePlan& plan, std::string_view record);

/// A cell as text that tells kinds apart: `int 5`, `string "x"`, `json [1]`, `null`, `absent`.
std::string ShowCell(const Cell& cell);

}  // namespace penstock::testing
