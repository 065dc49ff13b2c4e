#pragma once

#include <optional>

#include "expr/context.h"
#include "expr/value.h"

namespace penstock::expr {

/// `==`: integers and floats by value, arrays item by item, maps strictly.
bool Equal(Context& context, const Value& a, const Value& b);

enum class Order { kLess, kEqual, kMore, kNone };
/// For `<` and its kin; kNone for not-a-number. Fails for kinds that have no order; `op` is for the
/// message.
Order Compare(Context& context, const Value& a, const Value& b, std::string_view op);
/// Compare(...) == kLess.
bool Less(Context& context, const Value& a, const Value& b);

/// A total order of map keys, kinds first.
int CompareKeys(const Value& a, const Value& b);
/// Whether a value can be a key: arrays and maps cannot.
bool IsKey(const Value& value);
/// Sorts the entries and keeps, of equal keys, the last. Returns how many are left.
std::size_t SortEntries(Entry* entries, std::size_t count);
/// The value under a key, null when there is none.
const Value* FindKey(const Value& map, const Value& key);
const Value* FindText(const Value& map, std::string_view key);

/// `in`, on its right an array, a map or nil.
bool IsIn(Context& context, const Value& needle, const Value& collection);

/// Sorts `items` by Less, stable. False: two of them have no order, it has failed.
bool SortValues(Context& context, std::span<Value> items, bool descending);
/// Sorts pairs by their key.
bool SortByKey(Context& context, std::span<Entry> pairs, bool descending);

}  // namespace penstock::expr
