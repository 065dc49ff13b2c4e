#include "expr/loop.h"

#include <algorithm>

#include "base/format.h"
#include "expr/compare.h"

namespace penstock::expr {

namespace {

// Keys and items as pairs.
std::span<Entry> PairsOf(Context& context, const Loop& loop) {
  const std::size_t count = loop.built_size / 2;
  if (!context.Room(count * sizeof(Entry))) return {};
  auto* const pairs = context.arena().Make<Entry>(count);
  for (std::size_t i = 0; i < count; ++i) pairs[i] = {loop.built[2 * i], loop.built[2 * i + 1]};
  return {pairs, count};
}

}  // namespace

Loop BeginLoop(Context& context, const Value& collection) {
  Loop loop;
  loop.collection = collection;
  if (!collection.IsArray() && !collection.IsString() && !collection.IsMap()) {
    context.Fail(fmt::format("an array is needed here, found {}{}", NameOf(collection),
                             collection.IsNil() ? "; use ?? [] where it may be missing" : ""));
    return loop;
  }
  loop.length = collection.size;
  return loop;
}

Value ItemOf(Context& context, const Loop& loop) {
  if (loop.collection.IsMap()) return context.Fail("an array is needed here, found a map");
  if (loop.index < 0 || loop.index >= loop.length) {
    return context.Fail("the array has no items to begin with");
  }
  if (loop.collection.IsArray()) return loop.collection.items[loop.index];
  return Value::Byte(static_cast<std::uint8_t>(loop.collection.text[loop.index]));
}

void Collect(Context& context, Loop& loop, const Value& value) {
  if (loop.built_size == loop.built_room) {
    const std::size_t room = std::max<std::size_t>(8, loop.built_room * 2);
    Value* const larger = context.NewItems(room);
    if (larger == nullptr) return;
    std::copy_n(loop.built, loop.built_size, larger);
    loop.built = larger;
    loop.built_room = room;
  }
  loop.built[loop.built_size++] = value;
}

Value Collected(Context& context, Loop& loop) {
  if (!context.Charge(loop.built_size)) return Value::Nil();
  return Value::Array({loop.built, loop.built_size});
}

Value Groups(Context& context, Loop& loop) {
  const std::span<Entry> pairs = PairsOf(context, loop);
  for (const Entry& pair : pairs) {
    if (!IsKey(pair.key)) {
      return context.Fail(fmt::format("{} cannot be a key of a map", NameOf(pair.key)));
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Entry& a, const Entry& b) { return CompareKeys(a.key, b.key) < 0; });
  Value* const items = context.NewItems(pairs.size());
  if (context.failed() || !context.Work(pairs.size())) return Value::Nil();
  // Entries are written over pairs that were read already.
  std::size_t groups = 0;
  for (std::size_t begin = 0; begin < pairs.size();) {
    std::size_t end = begin;
    const Value key = pairs[begin].key;
    while (end < pairs.size() && CompareKeys(pairs[end].key, key) == 0) {
      items[end] = pairs[end].value;
      ++end;
    }
    pairs[groups++] = {key, Value::Array({items + begin, end - begin})};
    begin = end;
  }
  return Value::Map(pairs.first(groups), MapOf::kGroups);
}

Value Sorted(Context& context, Loop& loop) {
  const std::span<Entry> pairs = PairsOf(context, loop);
  if (context.failed() || !SortByKey(context, pairs, loop.descending)) return Value::Nil();
  if (!context.Charge(pairs.size())) return Value::Nil();
  Value* const items = context.NewItems(pairs.size());
  if (items == nullptr) return Value::Nil();
  for (std::size_t i = 0; i < pairs.size(); ++i) items[i] = pairs[i].value;
  return Value::Array({items, pairs.size()});
}

bool IsDescending(Context& context, const Value& order) {
  const bool descending = order.IsString() && order.string() == "desc";
  if (!descending && !(order.IsString() && order.string() == "asc")) {
    context.Fail("the order must be \"asc\" or \"desc\"");
  }
  return descending;
}

}  // namespace penstock::expr
