#pragma once

#include "expr/context.h"
#include "expr/evaluator.h"
#include "expr/value.h"

namespace penstock::expr {

/// A loop over an array, the bytes of a string, or (without a look at the entries) a map.
Loop BeginLoop(Context& context, const Value& collection);
/// The item that it is at.
Value ItemOf(Context& context, const Loop& loop);

/// Adds to what the loop builds.
void Collect(Context& context, Loop& loop, const Value& value);
/// That as an array.
Value Collected(Context& context, Loop& loop);

/// Of keys and items in turn: a map of arrays by key...
Value Groups(Context& context, Loop& loop);
/// ...or the items in the order of their keys.
Value Sorted(Context& context, Loop& loop);
/// "asc" or "desc".
bool IsDescending(Context& context, const Value& order);

}  // namespace penstock::expr
