#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::clickhouse {

/// Why a value cannot become a value of its column's type.
enum class FaultKind : std::uint8_t {
  kNone,
  kNull,         ///< Null or missing, and the column is not Nullable.
  kWrongKind,    ///< A string where a number belongs, and the like.
  kOutOfRange,   ///< The type has no such number or time.
  kFraction,     ///< A fraction where an integer belongs.
  kNotParsed,    ///< A text that is no date, no UUID, …
  kTooLong,      ///< A text longer than FixedString's length.
  kUnknownName,  ///< A name or number that the Enum does not have.
};

struct RowFault {
  std::size_t row = 0;
  std::string message;
};

/// Collects the faults of one column while a slice is converted, at most one a row.
class FaultLog {
 public:
  const std::vector<RowFault>& faults() const { return faults_; }
  bool corrupt() const { return corrupt_; }
  void Clear() { faults_.clear(), corrupt_ = false; }

  /// The row that AppendJson's faults belong to.
  void set_row(std::size_t row) { row_ = row; }
  /// `type` refuses `value` (its text, of any length) of the row that was set.
  void Add(FaultKind kind, std::string_view type, std::string_view value);
  void AddAt(std::size_t row, FaultKind kind, std::string_view type, std::string_view value) {
    row_ = row;
    Add(kind, type, value);
  }
  /// The message's bytes are not what its header says.
  void SetCorrupt() { corrupt_ = true; }

 private:
  std::vector<RowFault> faults_;
  std::size_t row_ = 0;
  bool corrupt_ = false;
};

}  // namespace penstock::clickhouse
