#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "expr/arguments.h"
#include "expr/compare.h"
#include "expr/function.h"
#include "expr/number_text.h"
#include "expr/value_text.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

// Durations, months and weekdays are numbers for a few functions.
bool IsStoredAsNumber(const Value& value) {
  return value.IsNumber() || value.kind == Kind::kDuration || value.kind == Kind::kMonth ||
         value.kind == Kind::kWeekday;
}

Value OutOfRange(Context& context, std::string_view function, const Value& number) {
  std::string text;
  AppendPrinted(context, text, number);
  return context.Fail(fmt::format("{}: {} is beyond the integers of 64 bits", function, text));
}

Value Abs(Context& context, Arguments arguments) {
  const Value& x = arguments[0];
  switch (x.kind) {
    case Kind::kInt:
      return x.integer < 0
                 ? Value::Int(static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(x.integer)))
                 : x;
    case Kind::kByte:
      return x;
    case Kind::kFloat:
      return x.number < 0 ? Value::Float(-x.number) : x;
    case Kind::kWide:
      return Value::Wide(false, x.magnitude);
    default:
      return FailArgument(context, "abs", "a number", x);
  }
}

template <double (*Rounded)(double)>
Value RoundWith(Context& context, Arguments arguments) {
  const Value& x = arguments[0];
  if (x.kind == Kind::kFloat) return Value::Float(Rounded(x.number));
  if (x.kind == Kind::kWide) return x;
  if (x.IsInteger()) return Value::Float(x.AsDouble());
  return FailArgument(context, "ceil, floor and round", "a number", x);
}
double CeilOf(double x) {
  return std::ceil(x);
}
double FloorOf(double x) {
  return std::floor(x);
}
double RoundOf(double x) {
  return std::round(x);
}

Value ToInt(Context& context, Arguments arguments) {
  const Value& x = arguments[0];
  if (x.IsString()) {
    if (const auto integer = ParseInteger(x.string(), 10)) return Value::Int(*integer);
    return context.Fail(fmt::format("int: '{}' is no integer", x.string().substr(0, 60)));
  }
  if (!IsStoredAsNumber(x)) return FailArgument(context, "int", "a number or a string", x);
  if (const auto integer = TruncatedNumber(x)) return Value::Int(*integer);
  return OutOfRange(context, "int", x);
}

Value ToFloat(Context& context, Arguments arguments) {
  const Value& x = arguments[0];
  if (x.IsString()) {
    if (const auto number = ParseFloat(x.string())) return Value::Float(*number);
    return context.Fail(fmt::format("float: '{}' is no number", x.string().substr(0, 60)));
  }
  if (x.kind == Kind::kWide) return x;
  if (x.IsNumber()) return Value::Float(x.AsDouble());
  return FailArgument(context, "float", "a number or a string", x);
}

struct Extreme {
  std::string_view name;
  Order replaces;  // How the best so far compares to one that is better.
};

// The best of the arguments and of what is in them, if they are arrays. A single argument of
// another kind is its own result.
Value Best(Context& context, const Extreme& extreme, Arguments arguments, int depth) {
  if (depth > Context::kMaxDepth) return context.Fail("these arrays are nested too deeply");
  Value best;
  const auto offer = [&](const Value& value) {
    if (best.kind == Kind::kNil ||
        Compare(context, best, value, extreme.name) == extreme.replaces) {
      best = value;
    }
  };
  for (const Value& argument : arguments) {
    if (!context.Work(1)) return Value::Nil();
    if (argument.IsArray()) {
      for (const Value& item : argument.array()) {
        const Value value = Best(context, extreme, {&item, 1}, depth + 1);
        if (!context.failed() && !value.IsNumber()) {
          FailArgument(context, extreme.name, "numbers", value);
        }
        if (context.failed()) return Value::Nil();
        offer(value);
      }
    } else if (IsStoredAsNumber(argument)) {
      offer(argument);
    } else if (arguments.size() == 1) {
      return argument;
    } else {
      return FailArgument(context, extreme.name, "numbers", argument);
    }
  }
  return best;
}

Value Max(Context& context, Arguments arguments) {
  return Best(context, {"max", Order::kLess}, arguments, 0);
}
Value Min(Context& context, Arguments arguments) {
  return Best(context, {"min", Order::kMore}, arguments, 0);
}

// Puts all numbers, also those in arrays, on the context's stack.
bool Flatten(Context& context, std::string_view function, Arguments arguments, int depth) {
  if (depth > Context::kMaxDepth) {
    context.Fail("these arrays are nested too deeply");
    return false;
  }
  for (const Value& argument : arguments) {
    if (!context.Work(1)) return false;
    if (argument.IsArray()) {
      if (!Flatten(context, function, argument.array(), depth + 1)) return false;
    } else if (IsStoredAsNumber(argument)) {
      if (!context.Room(context.stack().size() * sizeof(Value))) return false;
      context.stack().push_back(Value::Float(argument.AsDouble()));
    } else {
      FailArgument(context, function, "numbers", argument);
      return false;
    }
  }
  return true;
}

Value Mean(Context& context, Arguments arguments) {
  std::vector<Value>& numbers = context.stack();
  const std::size_t base = numbers.size();
  if (!Flatten(context, "mean", arguments, 0)) return Value::Nil();
  double sum = 0;
  const auto count = static_cast<double>(numbers.size() - base);
  for (std::size_t i = base; i < numbers.size(); ++i) sum += numbers[i].number;
  numbers.resize(base);
  return Value::Float(count == 0 ? 0 : sum / count);
}

Value Median(Context& context, Arguments arguments) {
  std::vector<Value>& numbers = context.stack();
  const std::size_t base = numbers.size();
  if (!Flatten(context, "median", arguments, 0)) return Value::Nil();
  const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(base);
  std::sort(begin, numbers.end(),
            [](const Value& a, const Value& b) { return CompareKeys(a, b) < 0; });
  const auto count = static_cast<std::size_t>(numbers.end() - begin);
  double median = 0;
  if (count > 0) {
    const double upper = numbers[base + count / 2].number;
    median = count % 2 == 1 ? upper : (numbers[base + count / 2 - 1].number + upper) / 2;
  }
  numbers.resize(base);
  return Value::Float(median);
}

template <typename Operation>
Value TwoIntegers(Context& context, Arguments arguments, std::string_view function,
                  Operation operation) {
  for (const Value& argument : arguments) {
    if (!argument.IsInteger()) return FailArgument(context, function, "integers", argument);
  }
  return operation(static_cast<std::uint64_t>(arguments[0].integer),
                   static_cast<std::uint64_t>(arguments[1].integer));
}
Value Integer(std::uint64_t bits) {
  return Value::Int(static_cast<std::int64_t>(bits));
}

Value BitAnd(Context& context, Arguments arguments) {
  return TwoIntegers(context, arguments, "bitand", [](auto a, auto b) { return Integer(a & b); });
}
Value BitOr(Context& context, Arguments arguments) {
  return TwoIntegers(context, arguments, "bitor", [](auto a, auto b) { return Integer(a | b); });
}
Value BitXor(Context& context, Arguments arguments) {
  return TwoIntegers(context, arguments, "bitxor", [](auto a, auto b) { return Integer(a ^ b); });
}
Value BitNand(Context& context, Arguments arguments) {
  return TwoIntegers(context, arguments, "bitnand", [](auto a, auto b) { return Integer(a & ~b); });
}

template <typename Operation>
Value Shift(Context& context, Arguments arguments, std::string_view function, Operation operation) {
  return TwoIntegers(context, arguments, function, [&](std::uint64_t bits, std::uint64_t by) {
    if (static_cast<std::int64_t>(by) < 0) {
      return context.Fail(fmt::format("{}: the shift count is negative", function));
    }
    return Integer(operation(bits, by));
  });
}
Value ShiftLeft(Context& context, Arguments arguments) {
  return Shift(context, arguments, "bitshl",
               [](auto bits, auto by) { return by > 63 ? 0 : bits << by; });
}
Value ShiftRight(Context& context, Arguments arguments) {
  return Shift(context, arguments, "bitshr", [](auto bits, auto by) {
    const auto count = std::min<std::uint64_t>(by, 63);
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(bits) >> count);
  });
}
Value ShiftRightUnsigned(Context& context, Arguments arguments) {
  return Shift(context, arguments, "bitushr",
               [](auto bits, auto by) { return by > 63 ? 0 : bits >> by; });
}
Value BitNot(Context& context, Arguments arguments) {
  if (!arguments[0].IsInteger()) return FailArgument(context, "bitnot", "an integer", arguments[0]);
  return Value::Int(~arguments[0].integer);
}

}  // namespace

std::span<const Function> NumberFunctions() {
  static const Function functions[] = {
      {"abs", Abs, Rule::kAbs},
      {"ceil", RoundWith<CeilOf>, Rule::kRound},
      {"floor", RoundWith<FloorOf>, Rule::kRound},
      {"round", RoundWith<RoundOf>, Rule::kRound},
      {"int", ToInt, Rule::kInt},
      {"float", ToFloat, Rule::kFloat},
      {"max", Max, Rule::kAggregate},
      {"min", Min, Rule::kAggregate},
      {"mean", Mean, Rule::kAggregate},
      {"median", Median, Rule::kAggregate},
      {"bitand", BitAnd, Rule::kOverloads, {"ii"}, TypeKind::kInt},
      {"bitor", BitOr, Rule::kOverloads, {"ii"}, TypeKind::kInt},
      {"bitxor", BitXor, Rule::kOverloads, {"ii"}, TypeKind::kInt},
      {"bitnand", BitNand, Rule::kOverloads, {"ii"}, TypeKind::kInt},
      {"bitshl", ShiftLeft, Rule::kOverloads, {"ii"}, TypeKind::kInt},
      {"bitshr", ShiftRight, Rule::kOverloads, {"ii"}, TypeKind::kInt},
      {"bitushr", ShiftRightUnsigned, Rule::kOverloads, {"ii"}, TypeKind::kInt},
      {"bitnot", BitNot, Rule::kOverloads, {"i"}, TypeKind::kInt},
  };
  return functions;
}

}  // namespace penstock::expr
