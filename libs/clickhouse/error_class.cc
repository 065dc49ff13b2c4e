#include "clickhouse/error_class.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace penstock::clickhouse {

namespace {

using enum ErrorClass;

struct KnownCode {
  int code;
  std::string_view name;
  ErrorClass error_class;
  std::string_view advice;  // Empty: the class's.
};

constexpr std::array kCodes = {
    KnownCode{3, "UNEXPECTED_END_OF_FILE", kTransient, ""},
    KnownCode{6, "CANNOT_PARSE_TEXT", kData, ""},
    KnownCode{8, "THERE_IS_NO_COLUMN", kSchema, ""},
    KnownCode{10, "NOT_FOUND_COLUMN_IN_BLOCK", kSchema, ""},
    KnownCode{16, "NO_SUCH_COLUMN_IN_TABLE", kSchema,
              "Add the column to the table, or take it out of the mapping."},
    KnownCode{20, "NUMBER_OF_COLUMNS_DOESNT_MATCH", kSchema, ""},
    KnownCode{25, "CANNOT_PARSE_ESCAPE_SEQUENCE", kData, ""},
    KnownCode{26, "CANNOT_PARSE_QUOTED_STRING", kData, ""},
    KnownCode{27, "CANNOT_PARSE_INPUT_ASSERTION_FAILED", kData, ""},
    KnownCode{33, "CANNOT_READ_ALL_DATA", kSchema, ""},
    KnownCode{36, "BAD_ARGUMENTS", kSchema, ""},
    KnownCode{38, "CANNOT_PARSE_DATE", kData, ""},
    KnownCode{41, "CANNOT_PARSE_DATETIME", kData, ""},
    KnownCode{47, "UNKNOWN_IDENTIFIER", kSchema, ""},
    KnownCode{53, "TYPE_MISMATCH", kData, ""},
    KnownCode{60, "UNKNOWN_TABLE", kSchema, "Create the table, or correct sink.table."},
    KnownCode{62, "SYNTAX_ERROR", kAccess, ""},
    KnownCode{69, "ARGUMENT_OUT_OF_BOUND", kData, ""},
    KnownCode{70, "CANNOT_CONVERT_TYPE", kData, ""},
    KnownCode{72, "CANNOT_PARSE_NUMBER", kData, ""},
    KnownCode{73, "UNKNOWN_FORMAT", kAccess, ""},
    KnownCode{81, "UNKNOWN_DATABASE", kSchema,
              "Create the database, or correct sink.connection_params.database."},
    KnownCode{95, "CANNOT_READ_FROM_SOCKET", kTransient, ""},
    KnownCode{96, "CANNOT_WRITE_TO_SOCKET", kTransient, ""},
    KnownCode{107, "FILE_DOESNT_EXIST", kTransient, ""},
    KnownCode{115, "UNKNOWN_SETTING", kAccess,
              "Take the setting out of sink.settings: this server does not know it."},
    KnownCode{117, "INCORRECT_DATA", kData, ""},
    KnownCode{128, "TOO_LARGE_ARRAY_SIZE", kData, ""},
    KnownCode{130, "CANNOT_READ_ARRAY_FROM_TEXT", kData, ""},
    KnownCode{131, "TOO_LARGE_STRING_SIZE", kSchema, ""},
    KnownCode{159, "TIMEOUT_EXCEEDED", kTransient, ""},
    KnownCode{164, "READONLY", kAccess, "Give the user a profile that is not readonly."},
    KnownCode{190, "SIZES_OF_ARRAYS_DONT_MATCH", kData, ""},
    KnownCode{192, "UNKNOWN_USER", kAccess, "Correct the user name and password."},
    KnownCode{193, "WRONG_PASSWORD", kAccess, "Correct the user name and password."},
    KnownCode{194, "REQUIRED_PASSWORD", kAccess, "Correct the user name and password."},
    KnownCode{195, "IP_ADDRESS_NOT_ALLOWED", kAccess, "Allow this address in the user's networks."},
    KnownCode{198, "DNS_ERROR", kTransient, ""},
    KnownCode{201, "QUOTA_EXCEEDED", kCapacity, "Raise the user's quota, or wait for its end."},
    KnownCode{202, "TOO_MANY_SIMULTANEOUS_QUERIES", kTransient, ""},
    KnownCode{203, "NO_FREE_CONNECTION", kTransient, ""},
    KnownCode{209, "SOCKET_TIMEOUT", kTransient, ""},
    KnownCode{210, "NETWORK_ERROR", kTransient, ""},
    KnownCode{218, "TABLE_IS_DROPPED", kSchema, "Create the table, or correct sink.table."},
    KnownCode{225, "NO_ZOOKEEPER", kTransient, "If it lasts: look at the Keeper ensemble."},
    KnownCode{236, "ABORTED", kTransient, ""},
    KnownCode{241, "MEMORY_LIMIT_EXCEEDED", kMemory, ""},
    KnownCode{242, "TABLE_IS_READ_ONLY", kTransient, "If it lasts: look at the Keeper ensemble."},
    KnownCode{243, "NOT_ENOUGH_SPACE", kCapacity, "Make room on ClickHouse's disk."},
    KnownCode{252, "TOO_MANY_PARTS", kPressure,
              "Merges cannot keep up: larger blocks, or fewer partitions in the table's key."},
    KnownCode{254, "NO_ACTIVE_REPLICAS", kTransient, ""},
    KnownCode{265, "NO_AVAILABLE_REPLICA", kTransient, ""},
    KnownCode{279, "ALL_CONNECTION_TRIES_FAILED", kTransient, ""},
    KnownCode{285, "TOO_FEW_LIVE_REPLICAS", kTransient, ""},
    KnownCode{286, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE", kTransient, ""},
    KnownCode{291, "DATABASE_ACCESS_DENIED", kAccess, "Grant the user access to the database."},
    KnownCode{319, "UNKNOWN_STATUS_OF_INSERT", kTransient, ""},
    KnownCode{321, "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE", kData, ""},
    KnownCode{349, "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN", kData, ""},
    KnownCode{364, "RECEIVED_ERROR_TOO_MANY_REQUESTS", kTransient, ""},
    KnownCode{376, "CANNOT_PARSE_UUID", kData, ""},
    KnownCode{384, "PART_IS_TEMPORARILY_LOCKED", kTransient, ""},
    KnownCode{394, "QUERY_WAS_CANCELLED", kTransient, ""},
    KnownCode{407, "DECIMAL_OVERFLOW", kData, ""},
    KnownCode{425, "SYSTEM_ERROR", kTransient, ""},
    KnownCode{439, "CANNOT_SCHEDULE_TASK", kTransient, ""},
    KnownCode{441, "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING", kData, ""},
    KnownCode{469, "VIOLATED_CONSTRAINT", kData, ""},
    KnownCode{473, "DEADLOCK_AVOIDED", kTransient, ""},
    KnownCode{497, "ACCESS_DENIED", kAccess,
              "Grant the user INSERT on the table and SELECT on what describes it."},
    KnownCode{499, "S3_ERROR", kTransient, "If it lasts: look at the table's object storage."},
    KnownCode{516, "AUTHENTICATION_FAILED", kAccess, "Correct the user name and password."},
    KnownCode{999, "KEEPER_EXCEPTION", kTransient, "If it lasts: look at the Keeper ensemble."},
    KnownCode{1000, "POCO_EXCEPTION", kTransient, ""},
};
static_assert(std::ranges::is_sorted(kCodes, {}, &KnownCode::code));

const KnownCode* Find(int code) {
  const auto found = std::ranges::lower_bound(kCodes, code, {}, &KnownCode::code);
  return found != kCodes.end() && found->code == code ? &*found : nullptr;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

ErrorClass ClassifyStatus(int http_status) {
  const bool passes = http_status < 400 || http_status >= 500 || http_status == 408 ||
                      http_status == 425 || http_status == 429;
  return passes ? kTransient : kAccess;
}

}  // namespace

std::string_view ToText(ErrorClass error_class) {
  constexpr std::array<std::string_view, kErrorClasses> kNames = {
      "transient", "memory", "pressure", "split",  "capacity",
      "schema",    "data",   "access",   "unknown"};
  return kNames.at(static_cast<std::size_t>(error_class));
}

ErrorClass ClassifyClickHouseError(int code, int http_status, std::string_view text) {
  if (code == 0) return ClassifyStatus(http_status);
  // Two faults share this code: too many parts in the table, too many partitions in the block.
  if (code == 252 && Contains(text, "partitions") && !Contains(text, "Too many parts"))
    return kSplit;
  const KnownCode* known = Find(code);
  return known == nullptr ? kUnknown : known->error_class;
}

std::string CodeName(int code, std::string_view text) {
  if (const KnownCode* known = Find(code); known != nullptr) return std::string(known->name);
  // "… (NAME) (version 26.7.2.1)": the last parentheses that hold nothing but capitals.
  for (std::size_t close = text.rfind(')'); close != std::string_view::npos && close > 0;
       close = text.rfind(')', close - 1)) {
    const std::size_t open = text.rfind('(', close);
    if (open == std::string_view::npos) break;
    const std::string_view name = text.substr(open + 1, close - open - 1);
    const bool is_name = !name.empty() && std::ranges::all_of(name, [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (is_name) return std::string(name);
    if (open == 0) break;
  }
  return "UNKNOWN";
}

std::string_view Advice(int code, ErrorClass error_class) {
  const KnownCode* known = Find(code);
  if (known != nullptr && known->error_class == error_class && !known->advice.empty()) {
    return known->advice;
  }
  switch (error_class) {
    case kTransient:
      return "Nothing to do: it is tried again until it works.";
    case kMemory:
      return "If it lasts: more memory for ClickHouse, or a smaller sink.max_batch_bytes.";
    case kPressure:
      return "Merges cannot keep up: larger blocks, or fewer partitions in the table's key.";
    case kSplit:
      return "Nothing to do: the block is split. A coarser partition key would spare that.";
    case kCapacity:
      return "Make room for ClickHouse.";
    case kSchema:
      return "Compare the table with the pipeline's mapping and change one of them.";
    case kData:
      return "Look at the dead letters: the rows that the table refuses are there.";
    case kAccess:
      return "Correct the connection's parameters or the user's grants; it goes on by itself.";
    case kUnknown:
      return "Look at ClickHouse's message; the block is tried again.";
  }
  return "";
}

std::string NamedColumn(std::string_view text, std::span<const std::string> columns) {
  // "Column values: a = 5, b = 6" of a constraint names several: the first is to blame as much as
  // any. A conversion says "destination column `a`" after the source's name.
  constexpr std::array<std::string_view, 5> kMarkers = {
      "destination column ", "Column values: ", "column ", "Column ", "at: "};
  constexpr std::string_view kQuotes = "`'\"";
  for (const std::string_view marker : kMarkers) {
    for (std::size_t at = text.find(marker); at != std::string_view::npos;
         at = text.find(marker, at + 1)) {
      std::string_view rest = text.substr(at + marker.size());
      const bool quoted = !rest.empty() && Contains(kQuotes, rest.substr(0, 1));
      if (quoted) rest.remove_prefix(1);
      for (const std::string& column : columns) {
        if (!rest.starts_with(column)) continue;
        const std::string_view after = rest.substr(column.size(), 1);
        const bool ends = after.empty() || Contains(quoted ? kQuotes : " ,.:)=;", after);
        if (ends) return column;
      }
    }
  }
  return {};
}

std::size_t PartitionLimit(std::string_view text) {
  constexpr std::string_view kMoreThan = "more than ";
  const std::size_t at = text.find(kMoreThan);
  if (at == std::string_view::npos) return 0;
  const char* const digits = text.data() + at + kMoreThan.size();
  std::size_t limit = 0;
  std::from_chars(digits, text.data() + text.size(), limit);
  return limit;
}

int FindErrorCode(std::string_view text) {
  constexpr std::string_view kCode = "Code: ";
  for (std::size_t at = text.find(kCode); at != std::string_view::npos;
       at = text.find(kCode, at + 1)) {
    const char* const digits = text.data() + at + kCode.size();
    int code = 0;
    const auto [end, error] = std::from_chars(digits, text.data() + text.size(), code);
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (error == std::errc() && rest.starts_with(". DB::")) return code;
  }
  return 0;
}

}  // namespace penstock::clickhouse
