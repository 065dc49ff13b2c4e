#include "expr/record_row.h"

#include "base/format.h"
#include "expr/compare.h"
#include "expr/json_reader.h"

namespace penstock::expr {

Status RecordRow::Read(Context& context, std::string_view json) {
  context.StartExpression();
  const auto value = ReadJson(context, json);
  if (!value) return Error{Remedy::kDeadLetter, "parse_error", context.error()};
  if (!value->IsMap() && value->kind != Kind::kNil) {
    return Error{Remedy::kDeadLetter, "parse_error",
                 fmt::format("a record must be a JSON object, found {}", NameOf(*value))};
  }
  record_ = value->IsMap() ? *value : Value::Map({});
  return Done{};
}

Value RecordRow::Field(Context& /*context*/, std::uint32_t slot) {
  const Value* const found = FindText(record_, fields_.names()[slot]);
  return found == nullptr ? Value::Nil() : *found;
}

Value RecordRow::Whole(Context& /*context*/) {
  return record_;
}

}  // namespace penstock::expr
