#include "base/format.h"
#include "expr/arguments.h"
#include "expr/compare.h"
#include "expr/function.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

// One item for each entry.
template <typename ItemOf>
Value FromEntries(Context& context, const Value& map, std::string_view function, ArrayOf of,
                  ItemOf item_of) {
  if (!map.IsMap()) return FailArgument(context, function, "a map", map);
  Value* const items = context.NewItems(map.size);
  if (items == nullptr) return Value::Nil();
  for (std::size_t i = 0; i < map.size; ++i) items[i] = item_of(map.entries[i]);
  return Value::Array({items, map.size}, of);
}

Value Keys(Context& context, Arguments arguments) {
  return FromEntries(context, arguments[0], "keys", ArrayOf::kAny,
                     [](const Entry& entry) { return entry.key; });
}
Value Values(Context& context, Arguments arguments) {
  return FromEntries(context, arguments[0], "values", ArrayOf::kAny,
                     [](const Entry& entry) { return entry.value; });
}
Value ToPairs(Context& context, Arguments arguments) {
  return FromEntries(context, arguments[0], "toPairs", ArrayOf::kPair, [&](const Entry& entry) {
    const Value pair[] = {entry.key, entry.value};
    return context.NewArray(pair);
  });
}

Value FromPairs(Context& context, Arguments arguments) {
  const auto pairs = ArrayArgument(context, arguments[0], "fromPairs");
  if (context.failed() || !context.Room(pairs.size() * sizeof(Entry))) return Value::Nil();
  auto* const entries = context.arena().Make<Entry>(pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (!pairs[i].IsArray() || pairs[i].size != 2) {
      return context.Fail(fmt::format("fromPairs: item {} is no array of two", i));
    }
    entries[i] = {pairs[i].items[0], pairs[i].items[1]};
    if (!IsKey(entries[i].key)) {
      return context.Fail(fmt::format("{} cannot be a key of a map", NameOf(entries[i].key)));
    }
  }
  return Value::Map({entries, SortEntries(entries, pairs.size())}, MapOf::kAny);
}

}  // namespace

std::span<const Function> MapFunctions() {
  static const Function functions[] = {
      {"keys", Keys, Rule::kKeys},
      {"values", Values, Rule::kKeys},
      {"toPairs", ToPairs, Rule::kToPairs},
      {"fromPairs", FromPairs, Rule::kFromPairs},
  };
  return functions;
}

}  // namespace penstock::expr
