#include "expr/operation_type.h"

#include "base/format.h"

namespace penstock::expr {

namespace {

enum Operand : unsigned {
  kNumbers = 1,
  kIntegers = 2,
  kStringsToo = 4,
  kTimes = 8,
  kDurations = 16,
  kBooleans = 32,
};

bool IsOneOf(const Type& type, unsigned set) {
  return ((set & kNumbers) != 0 && type.IsNumber()) ||
         ((set & kIntegers) != 0 && type.IsInteger()) ||
         ((set & kStringsToo) != 0 && type.IsString()) || ((set & kTimes) != 0 && type.IsTime()) ||
         ((set & kDurations) != 0 && type.IsDuration()) ||
         ((set & kBooleans) != 0 && type.IsBool());
}

// At least one side is unknown, and the other one could do.
bool MayFit(const Type& left, const Type& right, unsigned set) {
  return (left.IsUnknown() && right.IsUnknown()) || (left.IsUnknown() && IsOneOf(right, set)) ||
         (right.IsUnknown() && IsOneOf(left, set));
}

Type Promoted(const Type& left, const Type& right) {
  return left.IsFloat() || right.IsFloat() ? TypeKind::kFloat : TypeKind::kInt;
}

std::optional<Type> Fits(const Type& left, const Type& right, unsigned set, TypeKind result) {
  if ((IsOneOf(left, set) && IsOneOf(right, set)) || MayFit(left, right, set)) return result;
  return std::nullopt;
}

std::optional<Type> Arithmetic(std::string_view op, const Type& left, const Type& right) {
  if (left.IsNumber() && right.IsNumber()) return Promoted(left, right);
  if (left.IsDuration() && right.IsDuration()) return TypeKind::kDuration;
  unsigned set = kNumbers | kDurations;
  if (op == "*") {
    if ((left.IsNumber() && right.IsDuration()) || (left.IsDuration() && right.IsNumber())) {
      return TypeKind::kDuration;
    }
  } else {
    set |= kTimes;
    if (left.IsTime() && right.IsDuration()) return TypeKind::kTime;
  }
  if (op == "-" && left.IsTime() && right.IsTime()) return TypeKind::kDuration;
  if (op == "+") {
    set |= kStringsToo;
    if (left.IsDuration() && right.IsTime()) return TypeKind::kTime;
    if (left.IsString() && right.IsString()) return TypeKind::kString;
  }
  if (MayFit(left, right, set)) return Type();
  return std::nullopt;
}

std::optional<Type> Comparison(const Type& left, const Type& right) {
  for (const unsigned set : {kNumbers, kStringsToo, kTimes, kDurations}) {
    if (IsOneOf(left, set) && IsOneOf(right, set)) return TypeKind::kBool;
  }
  if (MayFit(left, right, kNumbers | kStringsToo | kTimes | kDurations)) return TypeKind::kBool;
  return std::nullopt;
}

}  // namespace

std::optional<Type> OperationType(std::string_view op, const Type& left, const Type& right) {
  if (op == "+" || op == "-" || op == "*") return Arithmetic(op, left, right);
  if (op == "==" || op == "!=") {
    return left.ComparableTo(right) ? std::optional<Type>(TypeKind::kBool) : std::nullopt;
  }
  if (op == "or" || op == "||" || op == "and" || op == "&&") {
    return Fits(left, right, kBooleans, TypeKind::kBool);
  }
  if (op == "<" || op == ">" || op == "<=" || op == ">=") return Comparison(left, right);
  if (op == "/" || op == "**" || op == "^") return Fits(left, right, kNumbers, TypeKind::kFloat);
  if (op == "%" || op == "..") return Fits(left, right, kIntegers, TypeKind::kInt);
  return Fits(left, right, kStringsToo, TypeKind::kBool);  // contains and its kin
}

std::string MismatchText(std::string_view op, const Type& left, const Type& right) {
  const bool floats = op == "%" && (left.IsFloat() || right.IsFloat());
  return fmt::format("'{}' cannot take {} and {}{}", op, NameOf(left), NameOf(right),
                     floats ? "; make integers of them with int()" : "");
}

}  // namespace penstock::expr
