#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace penstock::expr {

struct Entry;
struct Time;
struct BoundMethod;
class Zone;

enum class Kind : std::uint8_t {
  kNil,
  kBool,
  kInt,     ///< 64 bits, wraps.
  kFloat,   ///< Also every number of a record that a float64 holds exactly.
  kWide,    ///< An integer of a record, beyond 2^53, whose digits a float64 would change.
  kByte,    ///< What indexing a string gives; counts as an integer.
  kString,  ///< Any bytes.
  kArray,
  kMap,
  kTime,
  kDuration,  ///< Nanoseconds.
  kMonth,
  kWeekday,
  kZone,
  kMethod,  ///< A method fetched from a time or the like and not called yet.
};

/// Arrays of the reference differ by what they were made of, and some of its functions care.
enum class ArrayOf : std::uint8_t { kAny, kString, kInt, kPair };
/// kText: keys are strings. kAny: of `fromPairs`. kGroups: of `groupBy`; its values are arrays.
enum class MapOf : std::uint8_t { kText, kAny, kGroups };

/// A value of the language: 16 bytes, trivially copied. What it points to lives in the arena of
/// the row, in the program, or in the row itself.
struct Value {
  Kind kind = Kind::kNil;
  std::uint8_t of = 0;     ///< ArrayOf or MapOf; of kWide: 1 when negative.
  bool is_null = false;    ///< An array or map without storage: equal to nil, `null` as JSON.
  std::uint32_t size = 0;  ///< Bytes, items or entries.
  union {
    bool boolean;
    std::int64_t integer = 0;
    std::uint64_t magnitude;  ///< kWide: the absolute value.
    double number;
    const char* text;
    const Value* items;
    const Entry* entries;  ///< Sorted by key, each key once.
    const Time* time;
    const Zone* zone;
    const BoundMethod* method;
  };

  static Value Nil() { return {}; }
  static Value Bool(bool value) {
    Value made = Of(Kind::kBool);
    made.boolean = value;
    return made;
  }
  static Value Int(std::int64_t value) { return OfInteger(Kind::kInt, value); }
  static Value Byte(std::uint8_t value) { return OfInteger(Kind::kByte, value); }
  static Value Duration(std::int64_t ns) { return OfInteger(Kind::kDuration, ns); }
  static Value Month(std::int64_t month) { return OfInteger(Kind::kMonth, month); }
  static Value Weekday(std::int64_t day) { return OfInteger(Kind::kWeekday, day); }
  static Value Float(double value) {
    Value made = Of(Kind::kFloat);
    made.number = value;
    return made;
  }
  static Value Wide(bool negative, std::uint64_t magnitude) {
    Value made = Of(Kind::kWide);
    made.of = negative ? 1 : 0;
    made.magnitude = magnitude;
    return made;
  }
  static Value String(std::string_view text) {
    Value made = Of(Kind::kString);
    made.size = static_cast<std::uint32_t>(text.size());
    made.text = text.data();
    return made;
  }
  static Value Array(std::span<const Value> items, ArrayOf of = ArrayOf::kAny) {
    Value made = Of(Kind::kArray);
    made.of = static_cast<std::uint8_t>(of);
    made.size = static_cast<std::uint32_t>(items.size());
    made.items = items.data();
    return made;
  }
  static Value NullArray() {
    Value made = Array({});
    made.is_null = true;
    return made;
  }
  static Value Map(std::span<const Entry> sorted, MapOf of = MapOf::kText);
  static Value OfTime(const Time* time) {
    Value made = Of(Kind::kTime);
    made.time = time;
    return made;
  }
  static Value OfZone(const Zone* zone) {
    Value made = Of(Kind::kZone);
    made.zone = zone;
    return made;
  }
  static Value OfMethod(const BoundMethod* method) {
    Value made = Of(Kind::kMethod);
    made.method = method;
    return made;
  }

  bool IsNil() const { return kind == Kind::kNil || is_null; }
  bool IsString() const { return kind == Kind::kString; }
  bool IsArray() const { return kind == Kind::kArray; }
  bool IsMap() const { return kind == Kind::kMap; }
  bool IsTextMap() const { return IsMap() && map_of() == MapOf::kText; }
  bool IsInteger() const { return kind == Kind::kInt || kind == Kind::kByte; }
  bool IsNumber() const { return IsInteger() || kind == Kind::kFloat || kind == Kind::kWide; }
  ArrayOf array_of() const { return static_cast<ArrayOf>(of); }
  MapOf map_of() const { return static_cast<MapOf>(of); }
  std::string_view string() const { return {text, size}; }
  std::span<const Value> array() const { return {items, size}; }
  std::span<const Entry> map() const;
  /// Of any number, the nearest float64.
  double AsDouble() const {
    if (kind == Kind::kFloat) return number;
    if (kind != Kind::kWide) return static_cast<double>(integer);
    const auto size_of = static_cast<double>(magnitude);
    return of != 0 ? -size_of : size_of;
  }

 private:
  static Value Of(Kind kind) {
    Value made;
    made.kind = kind;
    return made;
  }
  static Value OfInteger(Kind kind, std::int64_t value) {
    Value made = Of(kind);
    made.integer = value;
    return made;
  }
};
static_assert(sizeof(Value) == 16);

struct Entry {
  Value key;
  Value value;
};

inline Value Value::Map(std::span<const Entry> sorted, MapOf of) {
  Value made = Of(Kind::kMap);
  made.of = static_cast<std::uint8_t>(of);
  made.size = static_cast<std::uint32_t>(sorted.size());
  made.entries = sorted.data();
  return made;
}
inline std::span<const Entry> Value::map() const {
  return {entries, size};
}

/// What the language's `type()` says: "nil", "int", "float", "string", "time.Time", ...
std::string_view TypeNameOf(const Value& value);

/// "nil", "int", "float", "string", "array", "map", "time", ...: for messages.
std::string_view NameOf(const Value& value);

}  // namespace penstock::expr
