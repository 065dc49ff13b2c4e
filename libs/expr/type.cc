#include "expr/type.h"

namespace penstock::expr {

Type Type::Item() const {
  switch (kind) {
    case TypeKind::kArray:
      return item == nullptr ? Type(TypeKind::kAny) : *item;
    case TypeKind::kStrings:
      return TypeKind::kString;
    case TypeKind::kMap:
    case TypeKind::kAnyMap:
      return TypeKind::kAny;
    case TypeKind::kGroups:
      return TypeKind::kArray;
    default:
      return TypeKind::kUnknown;
  }
}

bool Type::AssignableTo(const Type& target) const {
  if (target.kind == TypeKind::kUnknown) return false;
  if (IsNil()) {
    return target.IsArray() || target.IsMap() || target.IsFunction() ||
           target.kind == TypeKind::kAny || target.kind == TypeKind::kZone;
  }
  if (kind == TypeKind::kUnknown) return false;
  return target.kind == TypeKind::kAny || kind == target.kind;
}

bool Type::ComparableTo(const Type& other) const {
  return IsUnknown() || other.IsUnknown() || IsNil() || other.IsNil() ||
         (IsNumber() && other.IsNumber()) || (IsArray() && other.IsArray()) || AssignableTo(other);
}

int StorageOf(const Type& type) {
  switch (type.kind) {
    case TypeKind::kNil:
      return static_cast<int>(TypeKind::kUnknown);
    case TypeKind::kMonth:
    case TypeKind::kWeekday:
      return static_cast<int>(TypeKind::kInt);
    case TypeKind::kDuration:
      return static_cast<int>(TypeKind::kInt64);
    case TypeKind::kStrings:
      return static_cast<int>(TypeKind::kArray);
    case TypeKind::kAnyMap:
    case TypeKind::kGroups:
      return static_cast<int>(TypeKind::kMap);
    default:
      return static_cast<int>(type.kind);
  }
}

std::string_view NameOf(const Type& type) {
  switch (type.kind) {
    case TypeKind::kUnknown:
    case TypeKind::kAny:
      return "a value of unknown type";
    case TypeKind::kNil:
      return "nil";
    case TypeKind::kBool:
      return "a boolean";
    case TypeKind::kInt:
    case TypeKind::kInt64:
      return "an integer";
    case TypeKind::kFloat:
      return "a float";
    case TypeKind::kString:
      return "a string";
    case TypeKind::kArray:
      return "an array";
    case TypeKind::kStrings:
      return "an array of strings";
    case TypeKind::kMap:
    case TypeKind::kAnyMap:
    case TypeKind::kGroups:
      return "a map";
    case TypeKind::kTime:
      return "a time";
    case TypeKind::kDuration:
      return "a duration";
    case TypeKind::kMonth:
      return "a month";
    case TypeKind::kWeekday:
      return "a weekday";
    case TypeKind::kZone:
      return "a time zone";
    case TypeKind::kFunction:
      return "a function";
  }
  return "a value";
}

}  // namespace penstock::expr
