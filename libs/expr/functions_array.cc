#include <algorithm>

#include "base/format.h"
#include "expr/arguments.h"
#include "expr/arithmetic.h"
#include "expr/compare.h"
#include "expr/fetch.h"
#include "expr/function.h"
#include "expr/method.h"
#include "expr/utf8.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

Value Len(Context& context, Arguments arguments) {
  const Value& value = arguments[0];
  if (value.IsString()) return Value::Int(static_cast<std::int64_t>(CountRunes(value.string())));
  return Value::Int(SizeOf(context, value));
}

Value TypeName(Context& /*context*/, Arguments arguments) {
  return Value::String(TypeNameOf(arguments[0]));
}

// The item at an end, nil where there is none.
Value EndOf(Context& context, const Value& value, bool last) {
  if (value.IsArray() && value.size > 0) return value.items[last ? value.size - 1 : 0];
  if (value.IsString() && value.size > 0) {
    return Value::Byte(static_cast<std::uint8_t>(value.text[last ? value.size - 1 : 0]));
  }
  if (value.IsMap() && !value.IsTextMap()) {
    const Value* const found = Lookup(context, value, Value::Int(last ? -1 : 0));
    return found == nullptr ? Missing(value) : *found;
  }
  return Value::Nil();
}
Value First(Context& context, Arguments arguments) {
  return EndOf(context, arguments[0], false);
}
Value Last(Context& context, Arguments arguments) {
  return EndOf(context, arguments[0], true);
}

Value Get(Context& context, Arguments arguments) {
  const Value& base = arguments[0];
  const Value& key = arguments[1];
  if (base.IsMap()) {
    const Value* const found = Lookup(context, base, key);
    return found == nullptr ? Value::Nil() : *found;
  }
  if (base.IsArray() || base.IsString()) {
    const std::int64_t index = AsIndex(context, key);
    const std::int64_t at = index < 0 ? index + base.size : index;
    if (context.failed() || at < 0 || at >= base.size) return Value::Nil();
    return Fetch(context, base, Value::Int(at));
  }
  if (key.IsString()) {
    if (const Method* method = FindMethod(ReceiverOf(base), key.string())) {
      return Value::OfMethod(context.arena().Copy(BoundMethod{method, base}));
    }
  } else if (base.kind == Kind::kTime) {
    return FailArgument(context, "get", "a name for a time", key);
  }
  return Value::Nil();
}

Value Take(Context& context, Arguments arguments) {
  const Value& array = arguments[0];
  const Value& count = arguments[1];
  if (!array.IsArray()) return FailArgument(context, "take", "an array", array);
  const bool integer = count.kind == Kind::kInt || count.kind == Kind::kDuration ||
                       count.kind == Kind::kMonth || count.kind == Kind::kWeekday;
  if (!integer) return FailArgument(context, "take", "an integer, such as int(n),", count);
  if (count.integer < 0) return context.Fail("take: the count is negative");
  const auto taken = std::min<std::uint64_t>(static_cast<std::uint64_t>(count.integer), array.size);
  Value first = Value::Array(array.array().first(taken), array.array_of());
  first.is_null = array.is_null;
  return first;
}

Value Reverse(Context& context, Arguments arguments) {
  const auto items = ArrayArgument(context, arguments[0], "reverse");
  if (context.failed() || !context.Charge(items.size())) return Value::Nil();
  Value* const reversed = context.NewItems(items.size());
  if (reversed == nullptr) return Value::Nil();
  std::reverse_copy(items.begin(), items.end(), reversed);
  return Value::Array({reversed, items.size()});
}

Value Uniq(Context& context, Arguments arguments) {
  const auto items = ArrayArgument(context, arguments[0], "uniq");
  Value* const kept = context.NewItems(items.size());
  if (context.failed()) return Value::Nil();
  std::size_t count = 0;
  for (const Value& item : items) {
    const bool known = std::any_of(kept, kept + count,
                                   [&](const Value& other) { return Equal(context, item, other); });
    if (context.failed()) return Value::Nil();
    if (!known) kept[count++] = item;
  }
  return Value::Array({kept, count});
}

Value Concat(Context& context, Arguments arguments) {
  std::size_t size = 0;
  for (const Value& argument : arguments) {
    size += ArrayArgument(context, argument, "concat").size();
  }
  if (context.failed() || !context.Charge(size)) return Value::Nil();
  if (size == 0) return Value::NullArray();
  Value* const items = context.NewItems(size);
  if (items == nullptr) return Value::Nil();
  Value* at = items;
  for (const Value& argument : arguments) {
    at = std::copy_n(argument.items, argument.size, at);
  }
  return Value::Array({items, size});
}

bool FlattenInto(Context& context, std::span<const Value> items, int depth) {
  if (depth > Context::kMaxDepth) {
    context.Fail("these arrays are nested too deeply");
    return false;
  }
  for (const Value& item : items) {
    if (!context.Work(1)) return false;
    if (item.IsArray()) {
      if (!FlattenInto(context, item.array(), depth + 1)) return false;
    } else {
      context.stack().push_back(item);
    }
  }
  return context.Room(context.stack().size() * sizeof(Value));
}

Value FlattenAll(Context& context, Arguments arguments) {
  std::vector<Value>& stack = context.stack();
  const std::size_t base = stack.size();
  const auto items = ArrayArgument(context, arguments[0], "flatten");
  if (context.failed() || !FlattenInto(context, items, 0)) return Value::Nil();
  const std::size_t size = stack.size() - base;
  if (!context.Charge(size)) return Value::Nil();
  const Value flat = context.NewArray({stack.data() + base, size});
  stack.resize(base);
  return flat;
}

Value Sort(Context& context, Arguments arguments) {
  bool descending = false;
  if (arguments.size() > 1) {
    const std::string_view order = StringArgument(context, arguments, 1, "sort");
    descending = order == "desc";
    if (!descending && order != "asc") {
      return context.Fail("sort: the order must be \"asc\" or \"desc\"");
    }
  }
  const Value& array = arguments[0];
  // What cannot be sorted is taken for an array without storage, as in the reference.
  if (!array.IsArray() || array.array_of() == ArrayOf::kPair) return Value::NullArray();
  Value* const sorted = context.NewItems(array.size);
  if (sorted == nullptr || !context.Charge(array.size)) return Value::Nil();
  std::copy_n(array.items, array.size, sorted);
  if (!SortValues(context, {sorted, array.size}, descending)) return Value::Nil();
  return Value::Array({sorted, array.size});
}

}  // namespace

std::span<const Function> ArrayFunctions() {
  static const Function functions[] = {
      {"len", Len, Rule::kLen},
      {"type", TypeName, Rule::kOverloads, {"*"}, TypeKind::kString},
      {"first", First, Rule::kEnd},
      {"last", Last, Rule::kEnd},
      {"get", Get, Rule::kGet},
      {"take", Take, Rule::kTake},
      {"reverse", Reverse, Rule::kReverse},
      {"uniq", Uniq, Rule::kReverse},
      {"concat", Concat, Rule::kConcat},
      {"flatten", FlattenAll, Rule::kReverse},
      {"sort",
       Sort,
       Rule::kOverloads,
       {"as", "Is", "Fs", "Ss", "a", "F", "S", "I"},
       TypeKind::kArray},
  };
  return functions;
}

}  // namespace penstock::expr
