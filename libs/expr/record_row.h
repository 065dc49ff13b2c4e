#pragma once

#include <string_view>

#include "base/result.h"
#include "expr/evaluator.h"
#include "expr/field_table.h"

namespace penstock::expr {

/// A record as JSON text, of which expressions read the fields.
class RecordRow : public Row {
 public:
  /// The table must outlive it.
  explicit RecordRow(const FieldTable& fields) : fields_(fields) {}

  /// Takes the next record; its values live as `context`'s row does, and as long as `json`. Error:
  /// it is no JSON object (kDeadLetter, "parse_error"). null is an empty record.
  Status Read(Context& context, std::string_view json);

  Value Field(Context& context, std::uint32_t slot) override;
  Value Whole(Context& context) override;

 private:
  const FieldTable& fields_;
  Value record_;
};

}  // namespace penstock::expr
