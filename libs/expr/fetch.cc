#include "expr/fetch.h"

#include <algorithm>

#include "base/format.h"
#include "expr/arithmetic.h"
#include "expr/compare.h"
#include "expr/method.h"
#include "expr/value_text.h"

namespace penstock::expr {

namespace {

std::string Shown(Context& context, const Value& key) {
  std::string text;
  if (!key.IsArray() && !key.IsMap()) AppendPrinted(context, text, key);
  if (text.size() > 60) text = text.substr(0, 60) + "...";
  return text;
}

Value FromNil(Context& context, const Value& key) {
  return context.Fail(fmt::format("nil has no '{}'; use ?. or ?? where a field may be missing",
                                  Shown(context, key)));
}

}  // namespace

const Value* Lookup(Context& context, const Value& map, const Value& key) {
  if (!map.IsTextMap()) {
    if (IsKey(key)) return FindKey(map, key);
    context.Fail(fmt::format("{} cannot be a key of a map", NameOf(key)));
    return nullptr;
  }
  if (key.IsString()) return FindText(map, key.string());
  if (key.kind == Kind::kNil) return FindText(map, "");
  context.Fail(fmt::format("the keys of this map are strings, found {}", NameOf(key)));
  return nullptr;
}

Value Missing(const Value& map) {
  return map.map_of() == MapOf::kGroups ? Value::NullArray() : Value::Nil();
}

Value Fetch(Context& context, const Value& base, const Value& key) {
  if (key.IsString()) return FetchName(context, base, key);
  switch (base.kind) {
    case Kind::kNil:
      return FromNil(context, key);
    case Kind::kArray:
    case Kind::kString: {
      const std::int64_t index = AsIndex(context, key);
      const std::int64_t at = index < 0 ? index + base.size : index;
      if (context.failed()) return Value::Nil();
      if (at < 0 || at >= base.size) {
        return context.Fail(fmt::format("index {} is out of range: there are {} {}", index,
                                        base.size, base.IsArray() ? "items" : "bytes"));
      }
      if (base.IsArray()) return base.items[at];
      return Value::Byte(static_cast<std::uint8_t>(base.text[at]));
    }
    case Kind::kMap: {
      const Value* const found = Lookup(context, base, key);
      return found == nullptr ? Missing(base) : *found;
    }
    default:
      return context.Fail(fmt::format("{} cannot be indexed", NameOf(base)));
  }
}

Value FetchName(Context& context, const Value& base, const Value& name) {
  if (base.IsTextMap()) {
    const Value* const found = FindText(base, name.string());
    return found == nullptr ? Value::Nil() : *found;
  }
  switch (base.kind) {
    case Kind::kNil:
      return FromNil(context, name);
    case Kind::kMap: {
      const Value* const found = Lookup(context, base, name);
      return found == nullptr ? Missing(base) : *found;
    }
    default:
      break;
  }
  if (const Method* method = FindMethod(ReceiverOf(base), name.string())) {
    return Value::OfMethod(context.arena().Copy(BoundMethod{method, base}));
  }
  return context.Fail(fmt::format("{} has no '{}'", NameOf(base), Shown(context, name)));
}

std::int64_t SizeOf(Context& context, const Value& value) {
  if (!value.IsArray() && !value.IsString() && !value.IsMap()) {
    context.Fail(
        fmt::format("a string, an array or a map is needed here, found {}", NameOf(value)));
  }
  return value.size;
}

Value Slice(Context& context, const Value& base, const Value& from, const Value& to) {
  if (!base.IsArray() && !base.IsString()) {
    return context.Fail(
        fmt::format("only strings and arrays can be sliced, found {}", NameOf(base)));
  }
  const std::int64_t size = base.size;
  const auto clamped = [&](const Value& bound) {
    const std::int64_t at = AsIndex(context, bound);
    return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
  };
  const std::int64_t begin = clamped(from);
  const std::int64_t end = std::max(begin, clamped(to));
  if (context.failed()) return Value::Nil();
  const auto offset = static_cast<std::size_t>(begin);
  const auto length = static_cast<std::size_t>(end - begin);
  if (base.IsString()) return Value::String(base.string().substr(offset, length));
  Value slice = Value::Array(base.array().subspan(offset, length), base.array_of());
  slice.is_null = base.is_null;
  return slice;
}

}  // namespace penstock::expr
