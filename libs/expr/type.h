#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::expr {

struct Method;

/// What is known of a value before it exists. kUnknown: nothing. kAny: a function says so of its
/// result; the two differ only in what `?:` and `??` make of them.
enum class TypeKind : std::uint8_t {
  kUnknown,
  kAny,
  kNil,
  kBool,
  kInt,
  kInt64,
  kFloat,
  kString,
  kArray,    ///< With a known type of items or without.
  kStrings,  ///< What `split` gives.
  kMap,      ///< Keys are strings.
  kAnyMap,   ///< What `fromPairs` gives.
  kGroups,   ///< What `groupBy` gives.
  kTime,
  kDuration,
  kMonth,
  kWeekday,
  kZone,
  kFunction,
};

struct Type {
  TypeKind kind = TypeKind::kUnknown;
  const Type* item = nullptr;  ///< kArray: null when nothing is known of the items.

  Type() = default;
  Type(TypeKind of) : kind(of) {}  // NOLINT(google-explicit-constructor)

  bool IsUnknown() const { return kind == TypeKind::kUnknown || kind == TypeKind::kAny; }
  bool IsNil() const { return kind == TypeKind::kNil; }
  bool IsBool() const { return kind == TypeKind::kBool; }
  bool IsString() const { return kind == TypeKind::kString; }
  bool IsInteger() const { return kind == TypeKind::kInt || kind == TypeKind::kInt64; }
  bool IsFloat() const { return kind == TypeKind::kFloat; }
  bool IsNumber() const { return IsInteger() || IsFloat(); }
  bool IsArray() const { return kind == TypeKind::kArray || kind == TypeKind::kStrings; }
  bool IsMap() const {
    return kind == TypeKind::kMap || kind == TypeKind::kAnyMap || kind == TypeKind::kGroups;
  }
  bool IsTime() const { return kind == TypeKind::kTime; }
  bool IsDuration() const { return kind == TypeKind::kDuration; }
  bool IsFunction() const { return kind == TypeKind::kFunction; }

  /// The items of an array, the values of a map.
  Type Item() const;
  /// Whether a value of this type may be used where `target` is wanted.
  bool AssignableTo(const Type& target) const;
  /// Whether `==` makes sense.
  bool ComparableTo(const Type& other) const;
  /// Without what is known of an array's items.
  Type Plain() const { return kind; }
};

/// Types that the reference keeps in the same way: it takes arrays of these for arrays of one type.
int StorageOf(const Type& type);

std::string_view NameOf(const Type& type);

}  // namespace penstock::expr
