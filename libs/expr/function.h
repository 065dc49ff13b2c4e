#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "expr/context.h"
#include "expr/type.h"

namespace penstock::expr {

/// The body of a function. It reports what is wrong by `context.Fail`.
using Body = Value (*)(Context& context, std::span<const Value> arguments);

/// What the checker wants of arguments that it cannot say with parameter lists.
enum class Rule : std::uint8_t {
  kOverloads,  ///< One of `overloads` must fit.
  kLen,
  kAbs,
  kRound,
  kInt,
  kFloat,
  kAggregate,  ///< max, min, mean, median
  kNow,
  kDate,
  kEnd,  ///< first, last
  kGet,
  kTake,
  kKeys,
  kToPairs,
  kFromPairs,
  kReverse,
  kConcat,
  kAnything,  ///< The helpers: they look at their arguments when they run.
};

/// A function of the language. `overloads`: parameter lists, one letter a parameter: s string,
/// i integer, a array, S array of strings, I array of integers, F array of floats, * anything.
struct Function {
  std::string_view name;
  Body body = nullptr;
  Rule rule = Rule::kOverloads;
  std::vector<std::string_view> overloads = {};
  Type result = TypeKind::kAny;
};

/// The built-in functions that take values only; null when there is none by this name.
const Function* FindBuiltin(std::string_view name);
/// GlassFlow's helper functions.
const Function* FindHelper(std::string_view name);

/// Each family's table.
std::span<const Function> NumberFunctions();
std::span<const Function> StringFunctions();
std::span<const Function> ArrayFunctions();
std::span<const Function> MapFunctions();
std::span<const Function> TimeFunctions();
std::span<const Function> JsonFunctions();
std::span<const Function> TextHelpers();
std::span<const Function> QueryHelpers();

}  // namespace penstock::expr
