#pragma once

#include "expr/context.h"
#include "expr/value.h"

namespace penstock::expr {

/// The operators on values of any kind; a pair that does not fit fails.
Value Add(Context& context, const Value& a, const Value& b);
Value Subtract(Context& context, const Value& a, const Value& b);
Value Multiply(Context& context, const Value& a, const Value& b);
Value Divide(Context& context, const Value& a, const Value& b);
Value Remainder(Context& context, const Value& a, const Value& b);
Value Power(Context& context, const Value& a, const Value& b);
Value Negate(Context& context, const Value& a);

/// An index or a bound: a number, cut to its integer part.
std::int64_t AsIndex(Context& context, const Value& value);

}  // namespace penstock::expr
