#pragma once

#include <string>
#include <utility>

#include "clickhouse/column_writer.h"

namespace penstock::clickhouse {

/// What the writers of types have in common that take null themselves, and values of many kinds
/// (Variant, Dynamic, Geometry): cells come as JSON, null and missing ones are the type's default.
class NullTakingWriter : public ColumnWriter {
 public:
  explicit NullTakingWriter(std::string type) : type_(std::move(type)) {}

  void Append(const ColumnSlice& slice, FaultLog& faults) final {
    ColumnSlice with_gaps = slice;
    with_gaps.gaps_allowed = true;
    AppendJsonCells(*this, with_gaps, type_, faults);
  }
  bool AppendJson(JsonReader& value, FaultLog& faults) final {
    const JsonReader::Kind kind = value.Peek();
    if (kind != JsonReader::Kind::kNull) return AppendValue(kind, value, faults);
    value.Skip();
    AppendDefault();
    return true;
  }

 protected:
  /// As AppendJson, of a value of this kind, which is not null.
  virtual bool AppendValue(JsonReader::Kind kind, JsonReader& value, FaultLog& faults) = 0;
  /// As the table has it, for messages.
  const std::string& type() const { return type_; }

 private:
  const std::string type_;
};

}  // namespace penstock::clickhouse
