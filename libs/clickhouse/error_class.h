#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace penstock::clickhouse {

/// What a failed insert says about the next one. docs/delivery-guarantees.md has what the sink
/// does about each.
enum class ErrorClass : std::uint8_t {
  kTransient,  ///< Back off, next host, same token, for ever. Also every network error.
  kMemory,     ///< As kTransient, and a smaller block may go through.
  kPressure,   ///< Too many parts: slow down, make blocks larger.
  kSplit,      ///< Too many partitions in a block: split it.
  kCapacity,   ///< Disk or quota exhausted: long back-off, alarm.
  kSchema,     ///< The table is not what the plan says: describe it again.
  kData,       ///< A row of the block is to blame: find it.
  kAccess,     ///< Credentials, grants, settings: pause until somebody acts.
  kUnknown,    ///< A code not in the table: kTransient, unless it repeats on one block alone.
};
inline constexpr std::size_t kErrorClasses = 9;

/// "transient", … : a metric label.
std::string_view ToText(ErrorClass error_class);

/// By code, never by HTTP status, which differs between versions; 0 is "the server named none"
/// (a proxy, a cut connection) and is transient, except for a status that says "refused for good"
/// (400, 401, 403, 404, …), which is access. `text` tells the two meanings of code 252 apart.
ErrorClass ClassifyClickHouseError(int code, int http_status, std::string_view text);

/// "TOO_MANY_PARTS"; for a code not in the table what stands in parentheses at the end of
/// ClickHouse's message, else "UNKNOWN".
std::string CodeName(int code, std::string_view text);

/// One sentence: what an operator should do, or that nothing needs doing.
std::string_view Advice(int code, ErrorClass error_class);

/// The column that ClickHouse's message blames, if it is one of `columns`; else empty.
std::string NamedColumn(std::string_view text, std::span<const std::string> columns);

/// The number in "… (more than 100)": how many partitions a block may have; 0 when it is not there.
std::size_t PartitionLimit(std::string_view text);

/// The code in "Code: 241. DB::Exception: …" (anywhere in `text`); 0 when there is none.
int FindErrorCode(std::string_view text);

}  // namespace penstock::clickhouse
