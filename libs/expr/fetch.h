#pragma once

#include "expr/context.h"
#include "expr/value.h"

namespace penstock::expr {

/// `base[key]`: fails for nil, for an index out of range and for a key of the wrong kind; nil for
/// a key that a map does not have.
Value Fetch(Context& context, const Value& base, const Value& key);
/// `base.name`
Value FetchName(Context& context, const Value& base, const Value& name);
/// `base[from:to]`: bounds are clamped.
Value Slice(Context& context, const Value& base, const Value& from, const Value& to);
/// Bytes, items or entries.
std::int64_t SizeOf(Context& context, const Value& value);
/// The value under a key of any kind of map; fails for a key of the wrong kind. Null: not there.
const Value* Lookup(Context& context, const Value& map, const Value& key);
/// What a map gives for a key that it does not have.
Value Missing(const Value& map);

}  // namespace penstock::expr
