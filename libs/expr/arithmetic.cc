#include "expr/arithmetic.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/format.h"
#include "expr/number_text.h"
#include "expr/time_value.h"

namespace penstock::expr {

namespace {

// Beyond what two 64-bit factors give.
__extension__ using Exact = __int128;

std::uint64_t Bits(const Value& value) {
  return static_cast<std::uint64_t>(value.integer);
}
Value Wrapped(std::uint64_t bits) {
  return Value::Int(static_cast<std::int64_t>(bits));
}

Value Mismatch(Context& context, std::string_view op, const Value& a, const Value& b) {
  std::string_view hint;
  if (op == "%" && a.IsNumber() && b.IsNumber()) {
    hint = "; a record's numbers are floats: make integers of them with int()";
  } else if (a.IsNil() || b.IsNil()) {
    hint = "; give a missing field a value with ??";
  }
  return context.Fail(fmt::format("'{}' cannot take {} and {}{}", op, NameOf(a), NameOf(b), hint));
}

// The value of an integer, or of a float that is one.
std::optional<Exact> ExactOf(const Value& number) {
  if (number.IsInteger()) return number.integer;
  if (number.kind == Kind::kWide) {
    const auto magnitude = static_cast<Exact>(number.magnitude);
    return number.of != 0 ? -magnitude : magnitude;
  }
  if (number.number != std::trunc(number.number)) return {};
  if (const auto integer = Truncated(number.number)) return *integer;
  return {};
}

// With a wide operand the result keeps its value as long as it is an integer of 64 bits.
template <typename Operation>
std::optional<Value> WideResult(const Value& a, const Value& b, Operation operation) {
  if (a.kind != Kind::kWide && b.kind != Kind::kWide) return {};
  const auto x = ExactOf(a);
  const auto y = ExactOf(b);
  if (!x || !y) return {};
  const Exact result = operation(*x, *y);
  const Exact magnitude = result < 0 ? -result : result;
  if (magnitude > static_cast<Exact>(UINT64_MAX)) return {};
  return RecordInteger(result < 0, static_cast<std::uint64_t>(magnitude));
}

bool BothNumbers(const Value& a, const Value& b) {
  return a.IsNumber() && b.IsNumber();
}
bool BothIntegers(const Value& a, const Value& b) {
  return a.IsInteger() && b.IsInteger();
}
bool Are(const Value& a, Kind first, const Value& b, Kind second) {
  return a.kind == first && b.kind == second;
}

Value Join(Context& context, const Value& a, const Value& b) {
  const std::size_t size = std::size_t{a.size} + b.size;
  if (!context.Room(size)) return Value::Nil();
  char* const text = context.arena().Make<char>(size);
  std::copy_n(a.text, a.size, text);
  std::copy_n(b.text, b.size, text + a.size);
  return Value::String({text, size});
}

Value Later(Context& context, const Value& time, std::int64_t ns) {
  return Value::OfTime(context.arena().Copy(time.time->Plus(ns)));
}

}  // namespace

Value Add(Context& context, const Value& a, const Value& b) {
  if (BothIntegers(a, b)) return Wrapped(Bits(a) + Bits(b));
  if (BothNumbers(a, b)) {
    if (const auto wide = WideResult(a, b, [](Exact x, Exact y) { return x + y; })) return *wide;
    return Value::Float(a.AsDouble() + b.AsDouble());
  }
  if (Are(a, Kind::kString, b, Kind::kString)) return Join(context, a, b);
  if (Are(a, Kind::kTime, b, Kind::kDuration)) return Later(context, a, b.integer);
  if (Are(a, Kind::kDuration, b, Kind::kTime)) return Later(context, b, a.integer);
  if (Are(a, Kind::kDuration, b, Kind::kDuration)) {
    return Value::Duration(Wrapped(Bits(a) + Bits(b)).integer);
  }
  return Mismatch(context, "+", a, b);
}

Value Subtract(Context& context, const Value& a, const Value& b) {
  if (BothIntegers(a, b)) return Wrapped(Bits(a) - Bits(b));
  if (BothNumbers(a, b)) {
    if (const auto wide = WideResult(a, b, [](Exact x, Exact y) { return x - y; })) return *wide;
    return Value::Float(a.AsDouble() - b.AsDouble());
  }
  if (Are(a, Kind::kTime, b, Kind::kTime)) return Value::Duration(a.time->Minus(*b.time));
  if (Are(a, Kind::kTime, b, Kind::kDuration)) {
    return Later(context, a, static_cast<std::int64_t>(0 - Bits(b)));
  }
  if (Are(a, Kind::kDuration, b, Kind::kDuration)) {
    return Value::Duration(Wrapped(Bits(a) - Bits(b)).integer);
  }
  return Mismatch(context, "-", a, b);
}

Value Multiply(Context& context, const Value& a, const Value& b) {
  if (BothIntegers(a, b)) return Wrapped(Bits(a) * Bits(b));
  if (BothNumbers(a, b)) {
    if (const auto wide = WideResult(a, b, [](Exact x, Exact y) { return x * y; })) return *wide;
    return Value::Float(a.AsDouble() * b.AsDouble());
  }
  const bool durations = a.kind == Kind::kDuration || b.kind == Kind::kDuration;
  const auto fits = [](const Value& value) {
    return value.IsNumber() || value.kind == Kind::kDuration;
  };
  if (!durations || !fits(a) || !fits(b)) return Mismatch(context, "*", a, b);
  const auto whole = [](const Value& value) {
    return value.IsInteger() || value.kind == Kind::kDuration;
  };
  if (whole(a) && whole(b)) return Value::Duration(Wrapped(Bits(a) * Bits(b)).integer);
  return Value::Float(a.AsDouble() * b.AsDouble());
}

Value Divide(Context& context, const Value& a, const Value& b) {
  if (!BothNumbers(a, b)) return Mismatch(context, "/", a, b);
  return Value::Float(a.AsDouble() / b.AsDouble());
}

Value Remainder(Context& context, const Value& a, const Value& b) {
  if (!BothIntegers(a, b)) return Mismatch(context, "%", a, b);
  if (b.integer == 0) return context.Fail("the remainder of a division by 0");
  // The smallest integer divided by -1 overflows.
  return Value::Int(b.integer == -1 ? 0 : a.integer % b.integer);
}

Value Power(Context& context, const Value& a, const Value& b) {
  if (!BothNumbers(a, b)) return Mismatch(context, "**", a, b);
  return Value::Float(std::pow(a.AsDouble(), b.AsDouble()));
}

Value Negate(Context& context, const Value& a) {
  switch (a.kind) {
    case Kind::kInt:
      return Wrapped(0 - Bits(a));
    case Kind::kByte:
      return Value::Byte(static_cast<std::uint8_t>(0 - Bits(a)));
    case Kind::kFloat:
      return Value::Float(-a.number);
    case Kind::kWide:
      return Value::Wide(a.of == 0, a.magnitude);
    default:
      return context.Fail(fmt::format("'-' needs a number, found {}", NameOf(a)));
  }
}

std::int64_t AsIndex(Context& context, const Value& value) {
  if (!value.IsNumber()) {
    context.Fail(fmt::format("a number is needed here, found {}", NameOf(value)));
    return 0;
  }
  const auto index = TruncatedNumber(value);
  if (!index) context.Fail("this number is no integer of 64 bits");
  return index.value_or(0);
}

}  // namespace penstock::expr
