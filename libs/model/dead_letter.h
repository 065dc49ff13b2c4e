#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/ids.h"

namespace penstock {

/// Why a record became a dead letter: a closed list, also a metric label.
enum class DeadLetterReason : std::uint8_t {
  kParseError,
  kSchemaMismatch,
  kExpressionError,
  kMappingError,
  kSinkRejection,
  kRecordTooLarge,
  kKeyMissing,
};
inline constexpr std::size_t kDeadLetterReasons = 7;

constexpr std::string_view ToText(DeadLetterReason reason) {
  constexpr std::string_view kNames[kDeadLetterReasons] = {
      "parse_error",    "schema_mismatch",  "expression_error", "mapping_error",
      "sink_rejection", "record_too_large", "key_missing"};
  return kNames[static_cast<std::size_t>(reason)];
}

/// A record that cannot become a row, with all that is needed to find, judge and replay it.
struct DeadLetter {
  std::string component;  ///< "ingestor", "transform", "join" or "sink".
  DeadLetterReason reason = DeadLetterReason::kParseError;
  std::string error;             ///< One sentence: what is wrong, with field and value.
  std::string original_message;  ///< At the ingestor the exact bytes; past it the row as JSON.
  std::string column;            ///< Where one column is to blame, else empty.
  int code = 0;                  ///< ClickHouse's error code, 0 for none.
  std::string code_name;
  Origin origin;
  Offset offset;
  std::int64_t timestamp_ms = 0;  ///< Kafka's timestamp of the record.
  std::string key;                ///< Kafka's key, as far as the stage knows it.
  std::int64_t time_ms = 0;       ///< When it became a dead letter.
};

}  // namespace penstock
