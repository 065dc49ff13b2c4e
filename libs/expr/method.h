#pragma once

#include <span>
#include <string_view>

#include "expr/function.h"

namespace penstock::expr {

/// A method of a time, duration, month, weekday or time zone. The body's first argument is the
/// value itself. `parameters`: t time, d duration, z zone, s string, i integer.
struct Method {
  TypeKind receiver = TypeKind::kTime;
  std::string_view name;
  std::string_view parameters;
  Type result;
  Body body = nullptr;
  int results = 1;  ///< The reference refuses to compile a call of one with three.
};

const Method* FindMethod(TypeKind receiver, std::string_view name);
/// kUnknown for values that have no methods.
TypeKind ReceiverOf(const Value& value);

/// `value.Name` without the call.
struct BoundMethod {
  const Method* method = nullptr;
  Value receiver;
};

/// Calls it after a look at the arguments, of which nothing was known before.
Value CallMethod(Context& context, const BoundMethod& bound, std::span<const Value> arguments);

}  // namespace penstock::expr
