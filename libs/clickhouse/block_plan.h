#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "clickhouse/table.h"
#include "model/plan.h"

namespace penstock::clickhouse {

/// How one column of a block comes about. See BlockPlan.
struct PlannedColumn {
  enum class Source : std::uint8_t {
    kField,      ///< A column of the message.
    kTopic,      ///< Kafka's metadata, from here on.
    kPartition,  ///<
    kOffset,
    kTimestamp,
    kIngestTime,
  };
  std::string field;
  Source source = Source::kField;
  std::string column;
  std::string type;      ///< As the block says it: the table's, or a Nullable of it.
  std::string member{};  ///< Of a flattened Nested: the member of each object that is the column's.
  bool texts = false;    ///< Numbers, booleans, arrays and objects may become text.
  bool null_as_default = false;
};

/// Which fields of a message become which columns of a table, checked once: every column exists,
/// may be inserted, has a type that can be written, and takes the values of its field. Immutable;
/// builders of many threads share it.
///
/// Pairs of field and column type: a mapping that names one of the reference's column types gets
/// the reference's pairs (an `int` field into a `String` is refused: somebody wrote both types
/// down and they do not fit). A mapping that leaves the type out, or names another one, gets all
/// that can be converted without loss: any value as text, numbers as floats. Decimals and the
/// widest integers take a float field only where the mapping names their type: its numbers travel
/// as their text then, otherwise as doubles.
///
/// A mapping to `n`, where the table has a flattened Nested (`n.a`, `n.b`, …), fills all its
/// columns from an array of objects.
class BlockPlan {
 public:
  /// Fails with code "schema" and every fault, one a line, each with its column.
  static Result<std::shared_ptr<const BlockPlan>> Make(const TableDescription& table,
                                                       std::span<const ColumnPlan> columns);

  /// In the order of the block and of INSERT's column list.
  const std::vector<PlannedColumn>& columns() const { return columns_; }
  std::vector<std::string> ColumnNames() const;

 private:
  explicit BlockPlan(std::vector<PlannedColumn> columns) : columns_(std::move(columns)) {}

  std::vector<PlannedColumn> columns_;
};

/// The mapping of a pipeline without one: each field to the column of its name that can be
/// inserted, or to the flattened Nested of its name. Fields without a column stay out; `unmatched`
/// gets their names.
std::vector<ColumnPlan> MatchByName(const TableDescription& table,
                                    std::span<const PlannedField> fields,
                                    std::vector<std::string>& unmatched,
                                    bool null_as_default = false);

}  // namespace penstock::clickhouse
