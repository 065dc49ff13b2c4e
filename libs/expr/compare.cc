#include "expr/compare.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/format.h"
#include "expr/time_value.h"

namespace penstock::expr {

namespace {

__extension__ using Exact = __int128;

// A number as an integer, where it is one of the size that wide ones have.
std::optional<Exact> ExactOf(const Value& number) {
  if (number.IsInteger()) return number.integer;
  if (number.kind == Kind::kWide) {
    const auto magnitude = static_cast<Exact>(number.magnitude);
    return number.of != 0 ? -magnitude : magnitude;
  }
  constexpr double kMost = 18446744073709551616.0;
  const double value = number.number;
  if (!(std::fabs(value) < kMost) || value != std::trunc(value)) return {};
  const auto magnitude = static_cast<Exact>(static_cast<std::uint64_t>(std::fabs(value)));
  return value < 0 ? -magnitude : magnitude;
}

bool IsWide(const Value& a, const Value& b) {
  return a.kind == Kind::kWide || b.kind == Kind::kWide;
}

bool EqualNumbers(const Value& a, const Value& b) {
  if (a.IsInteger() && b.IsInteger()) return a.integer == b.integer;
  if (!IsWide(a, b)) return a.AsDouble() == b.AsDouble();
  const auto x = ExactOf(a);
  const auto y = ExactOf(b);
  return x && y && *x == *y;
}

bool SameScalar(const Value& a, const Value& b) {
  switch (a.kind) {
    case Kind::kNil:
      return true;
    case Kind::kBool:
      return a.boolean == b.boolean;
    case Kind::kFloat:
      return a.number == b.number;
    case Kind::kWide:
      return a.of == b.of && a.magnitude == b.magnitude;
    case Kind::kString:
      return a.string() == b.string();
    case Kind::kTime:
      return a.time->SameInstant(*b.time);
    case Kind::kZone:
      return a.zone == b.zone;
    case Kind::kMethod:
      return false;
    default:
      return a.integer == b.integer;
  }
}

// Kinds, too, at every depth.
bool Same(Context& context, const Value& a, const Value& b, int depth) {
  if (a.kind != b.kind || !context.Work(1)) return false;
  if (depth > Context::kMaxDepth) {
    context.Fail("these values are nested too deeply to be compared");
    return false;
  }
  if (!a.IsArray() && !a.IsMap()) return SameScalar(a, b);
  if (a.of != b.of || a.size != b.size || a.is_null != b.is_null) return false;
  for (std::size_t i = 0; i < a.size; ++i) {
    const bool same = a.IsArray()
                          ? Same(context, a.items[i], b.items[i], depth + 1)
                          : Same(context, a.entries[i].key, b.entries[i].key, depth + 1) &&
                                Same(context, a.entries[i].value, b.entries[i].value, depth + 1);
    if (!same) return false;
  }
  return true;
}

bool EqualAt(Context& context, const Value& a, const Value& b, int depth);

bool EqualArrays(Context& context, const Value& a, const Value& b, int depth) {
  const bool any = a.array_of() == ArrayOf::kAny || b.array_of() == ArrayOf::kAny;
  const bool pairs = a.array_of() == ArrayOf::kPair || b.array_of() == ArrayOf::kPair;
  if (a.IsNil() && b.IsNil()) return true;
  if (pairs || (!any && a.of != b.of)) return Same(context, a, b, depth);
  if (a.size != b.size) return false;
  for (std::size_t i = 0; i < a.size; ++i) {
    if (!EqualAt(context, a.items[i], b.items[i], depth + 1)) return false;
  }
  return true;
}

bool EqualAt(Context& context, const Value& a, const Value& b, int depth) {
  if (!context.Work(1)) return false;
  if (depth > Context::kMaxDepth) {
    context.Fail("these values are nested too deeply to be compared");
    return false;
  }
  if (a.IsNumber() && b.IsNumber()) return EqualNumbers(a, b);
  if (a.IsArray() && b.IsArray()) return EqualArrays(context, a, b, depth);
  if (a.IsNil() || b.IsNil()) return a.IsNil() && b.IsNil();
  return Same(context, a, b, depth);
}

template <typename T>
Order OrderOf(const T& a, const T& b) {
  return a < b ? Order::kLess : b < a ? Order::kMore : Order::kEqual;
}

Order OrderOfDoubles(double a, double b) {
  if (a < b) return Order::kLess;
  if (a > b) return Order::kMore;
  return a == b ? Order::kEqual : Order::kNone;
}

Order OrderOfNumbers(const Value& a, const Value& b) {
  if (a.IsInteger() && b.IsInteger()) return OrderOf(a.integer, b.integer);
  if (IsWide(a, b)) {
    const auto x = ExactOf(a);
    const auto y = ExactOf(b);
    if (x && y) return OrderOf(*x, *y);
  }
  return OrderOfDoubles(a.AsDouble(), b.AsDouble());
}

template <typename T, typename KeyOf>
bool MergeSort(Context& context, std::span<T> items, bool descending, KeyOf key_of) {
  if (items.size() < 2) return true;
  if (!context.Room(items.size() * sizeof(T))) return false;
  T* const spare = context.arena().Make<T>(items.size());
  for (std::size_t width = 1; width < items.size(); width *= 2) {
    for (std::size_t begin = 0; begin < items.size(); begin += 2 * width) {
      const std::size_t middle = std::min(begin + width, items.size());
      const std::size_t end = std::min(begin + 2 * width, items.size());
      std::size_t left = begin;
      std::size_t right = middle;
      for (std::size_t to = begin; to < end; ++to) {
        bool take_right = left == middle;
        if (!take_right && right < end) {
          const Value& a = key_of(items[right]);
          const Value& b = key_of(items[left]);
          take_right = descending ? Less(context, b, a) : Less(context, a, b);
          if (context.failed() || !context.Work(1)) return false;
        }
        spare[to] = items[take_right ? right++ : left++];
      }
    }
    std::copy_n(spare, items.size(), items.begin());
  }
  return true;
}

}  // namespace

bool Equal(Context& context, const Value& a, const Value& b) {
  return EqualAt(context, a, b, 0);
}

Order Compare(Context& context, const Value& a, const Value& b, std::string_view op) {
  if (a.IsNumber() && b.IsNumber()) return OrderOfNumbers(a, b);
  if (a.kind == b.kind) {
    if (a.kind == Kind::kString) return OrderOf(a.string(), b.string());
    if (a.kind == Kind::kTime) return OrderOf(*a.time, *b.time);
    if (a.kind == Kind::kDuration) return OrderOf(a.integer, b.integer);
  }
  context.Fail(fmt::format("'{}' cannot take {} and {}{}", op, NameOf(a), NameOf(b),
                           a.IsNil() || b.IsNil() ? "; give a missing field a value with ??" : ""));
  return Order::kNone;
}

bool Less(Context& context, const Value& a, const Value& b) {
  return Compare(context, a, b, "<") == Order::kLess;
}

int CompareKeys(const Value& a, const Value& b) {
  if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.IsString()) return a.string().compare(b.string());
  if (a.kind == Kind::kFloat) {
    // Not-a-number comes first.
    if (std::isnan(a.number) || std::isnan(b.number)) {
      return static_cast<int>(std::isnan(b.number)) - static_cast<int>(std::isnan(a.number));
    }
    return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
  }
  if (a.kind == Kind::kNil) return 0;
  if (a.kind == Kind::kBool) return static_cast<int>(a.boolean) - static_cast<int>(b.boolean);
  if (a.kind == Kind::kTime) return *a.time < *b.time ? -1 : *b.time < *a.time ? 1 : 0;
  if (a.kind == Kind::kWide && a.of != b.of) return a.of > b.of ? -1 : 1;
  return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
}

bool IsKey(const Value& value) {
  return !value.IsArray() && !value.IsMap() && value.kind != Kind::kMethod;
}

std::size_t SortEntries(Entry* entries, std::size_t count) {
  const auto before = [](const Entry& a, const Entry& b) { return CompareKeys(a.key, b.key) < 0; };
  if (!std::is_sorted(entries, entries + count, before)) {
    if (count <= 16) {
      for (std::size_t i = 1; i < count; ++i) {
        const Entry entry = entries[i];
        std::size_t at = i;
        for (; at > 0 && before(entry, entries[at - 1]); --at) entries[at] = entries[at - 1];
        entries[at] = entry;
      }
    } else {
      std::stable_sort(entries, entries + count, before);
    }
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (kept > 0 && CompareKeys(entries[kept - 1].key, entries[i].key) == 0) --kept;
    entries[kept++] = entries[i];
  }
  return kept;
}

const Value* FindKey(const Value& map, const Value& key) {
  if (map.IsTextMap()) return key.IsString() ? FindText(map, key.string()) : nullptr;
  const auto entries = map.map();
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), key,
      [](const Entry& entry, const Value& wanted) { return CompareKeys(entry.key, wanted) < 0; });
  return at != entries.end() && CompareKeys(at->key, key) == 0 ? &at->value : nullptr;
}

const Value* FindText(const Value& map, std::string_view key) {
  const auto entries = map.map();
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), key,
      [](const Entry& entry, std::string_view wanted) { return entry.key.string() < wanted; });
  return at != entries.end() && at->key.string() == key ? &at->value : nullptr;
}

bool IsIn(Context& context, const Value& needle, const Value& collection) {
  switch (collection.kind) {
    case Kind::kNil:
      return false;
    case Kind::kArray:
      for (const Value& item : collection.array()) {
        if (Equal(context, item, needle)) return true;
        if (context.failed()) return false;
      }
      return false;
    case Kind::kMap: {
      if (!IsKey(needle)) {
        context.Fail(fmt::format("{} cannot be a key of a map", NameOf(needle)));
        return false;
      }
      if (!collection.IsTextMap() || needle.IsString()) {
        return FindKey(collection, needle) != nullptr;
      }
      if (needle.kind == Kind::kNil) return FindText(collection, "") != nullptr;
      context.Fail(fmt::format("the keys of this map are strings, found {}", NameOf(needle)));
      return false;
    }
    case Kind::kTime:
    case Kind::kZone:
      // The reference looks for a field by that name, and they have none.
      if (needle.IsString()) return false;
      [[fallthrough]];
    default:
      context.Fail(
          fmt::format("'in' needs an array or a map on its right, found {}", NameOf(collection)));
      return false;
  }
}

bool SortValues(Context& context, std::span<Value> items, bool descending) {
  return MergeSort(context, items, descending,
                   [](const Value& item) -> const Value& { return item; });
}

bool SortByKey(Context& context, std::span<Entry> pairs, bool descending) {
  return MergeSort(context, pairs, descending,
                   [](const Entry& pair) -> const Value& { return pair.key; });
}

}  // namespace penstock::expr
