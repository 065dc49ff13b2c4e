#include "expr/check_arguments.h"

#include <algorithm>
#include <array>

#include "base/format.h"
#include "expr/method.h"

namespace penstock::expr {

namespace {

Type ParameterType(char letter) {
  switch (letter) {
    case 's':
      return TypeKind::kString;
    case 'i':
      return TypeKind::kInt;
    case 'a':
    case 'I':
    case 'F':
      return TypeKind::kArray;
    case 'S':
      return TypeKind::kStrings;
    case 't':
      return TypeKind::kTime;
    case 'd':
      return TypeKind::kDuration;
    case 'z':
      return TypeKind::kZone;
    default:
      return TypeKind::kAny;
  }
}

bool Accepts(char letter, const Type& argument) {
  const Type wanted = ParameterType(letter);
  if (argument.IsUnknown()) return true;
  // Arrays of integers and of floats never have these types before they exist.
  if (letter == 'I' || letter == 'F') return false;
  if (argument.IsNil()) return letter == '*' || letter == 'z';
  return (wanted.IsInteger() && argument.IsInteger()) || argument.AssignableTo(wanted);
}

std::string Counted(std::size_t count) {
  return fmt::format("{} argument{}", count, count == 1 ? "" : "s");
}

SourceError WrongCount(const Node& call, std::string_view name, std::size_t least, std::size_t most,
                       std::size_t given) {
  const std::string wanted =
      least == most ? Counted(most) : fmt::format("{} to {}", least, Counted(most));
  return {call.at, fmt::format("{} takes {}, found {}", name, wanted, given)};
}

CheckedCall CheckOverloads(const Function& function, const Node& call) {
  const std::size_t given = call.children.size();
  std::size_t least = function.overloads[0].size();
  std::size_t most = least;
  Fault fault;
  for (const std::string_view parameters : function.overloads) {
    least = std::min(least, parameters.size());
    most = std::max(most, parameters.size());
    if (parameters.size() != given) continue;
    std::size_t i = 0;
    while (i < given && Accepts(parameters[i], call.children[i]->type)) ++i;
    if (i == given) return {function.result, {}};
    fault =
        SourceError{call.children[i]->at, fmt::format("{} needs {} here, found {}", function.name,
                                                      NameOf(ParameterType(parameters[i])),
                                                      NameOf(call.children[i]->type))};
  }
  if (!fault) fault = WrongCount(call, function.name, least, most, given);
  return {{}, fault};
}

bool IsStoredAsNumber(const Type& type) {
  const Type stored = static_cast<TypeKind>(StorageOf(type));
  return stored.IsNumber();
}

CheckedCall BadArgument(const Function& function, const Node& argument, std::string_view wanted) {
  return {{},
          SourceError{argument.at, fmt::format("{} needs {}, found {}", function.name, wanted,
                                               NameOf(argument.type))}};
}

CheckedCall CheckAggregate(const Function& function, const Node& call) {
  for (const Node* argument : call.children) {
    if (argument->type.IsUnknown() || argument->type.IsArray()) return {TypeKind::kAny, {}};
    if (!IsStoredAsNumber(argument->type)) {
      return BadArgument(function, *argument, "numbers or an array of them");
    }
  }
  return {call.children[0]->type.Plain(), {}};
}

CheckedCall CheckNow(const Function& function, const Node& call) {
  if (call.children.empty()) return {TypeKind::kTime, {}};
  if (call.children.size() > 1) {
    return {{}, WrongCount(call, function.name, 0, 1, call.children.size())};
  }
  if (call.children[0]->type.kind == TypeKind::kZone) return {TypeKind::kTime, {}};
  return BadArgument(function, *call.children[0], "no argument or a time zone");
}

CheckedCall CheckDate(const Function& function, const Node& call) {
  std::size_t count = call.children.size();
  if (count > 0 && call.children[0]->type.kind == TypeKind::kZone) --count;
  if (call.children.empty() || count > 3) {
    return {{}, WrongCount(call, function.name, 1, 3, call.children.size())};
  }
  return {TypeKind::kTime, {}};
}

CheckedCall CheckGet(const Function& function, const Node& call,
                     const EnvironmentType& environment) {
  const Node& base = *call.children[0];
  const Node& key = *call.children[1];
  if (base.Is(NodeKind::kIdentifier, "$env")) {
    const Type* const field = key.kind == NodeKind::kString ? environment.Find(key.text) : nullptr;
    return {field == nullptr ? Type() : *field, {}};
  }
  if (base.type.IsUnknown()) return {Type(), {}};
  if (base.type.IsArray()) {
    if (key.type.IsInteger() || key.type.IsUnknown()) return {base.type.Item(), {}};
    return BadArgument(function, key, "an integer as index");
  }
  if (!base.type.IsMap()) return BadArgument(function, base, "an array or a map");
  const Type wanted = base.type.kind == TypeKind::kMap ? TypeKind::kString : TypeKind::kAny;
  if (key.type.AssignableTo(wanted) || key.type.IsUnknown()) return {base.type.Item(), {}};
  return BadArgument(function, key, "a string as key");
}

// Functions of one argument.
CheckedCall CheckOne(const Function& function, const Node& call) {
  const Node& argument = *call.children[0];
  const Type& type = argument.type;
  const bool unknown = type.IsUnknown();
  const bool number = unknown || IsStoredAsNumber(type);
  switch (function.rule) {
    case Rule::kLen:
      if (unknown || type.IsArray() || type.IsMap() || type.IsString()) return {TypeKind::kInt, {}};
      return BadArgument(function, argument, "a string, an array or a map");
    case Rule::kAbs:
      if (number) return {unknown ? Type(TypeKind::kAny) : type.Plain(), {}};
      return BadArgument(function, argument, "a number");
    case Rule::kRound:
      if (number) return {TypeKind::kFloat, {}};
      return BadArgument(function, argument, "a number");
    case Rule::kInt:
    case Rule::kFloat:
      if (number || type.IsString()) {
        return {function.rule == Rule::kInt ? TypeKind::kInt : TypeKind::kFloat, {}};
      }
      return BadArgument(function, argument, "a number or a string");
    case Rule::kEnd:
      if (unknown || type.kind == TypeKind::kArray) return {TypeKind::kAny, {}};
      if (type.kind == TypeKind::kStrings) return {TypeKind::kString, {}};
      return BadArgument(function, argument, "an array");
    case Rule::kKeys:
    case Rule::kToPairs:
      if (unknown || type.IsMap()) return {TypeKind::kArray, {}};
      return BadArgument(function, argument, "a map");
    case Rule::kFromPairs:
      if (unknown || type.IsArray()) return {TypeKind::kAnyMap, {}};
      return BadArgument(function, argument, "an array of pairs");
    default:
      if (unknown || type.IsArray()) return {TypeKind::kArray, {}};
      return BadArgument(function, argument, "an array");
  }
}

CheckedCall CheckTake(const Function& function, const Node& call) {
  const Type& array = call.children[0]->type;
  const Type& count = call.children[1]->type;
  if (!array.IsUnknown() && !array.IsArray()) {
    return BadArgument(function, *call.children[0], "an array");
  }
  const bool integer = IsStoredAsNumber(count) && !count.IsFloat();
  if (!count.IsUnknown() && !integer) {
    return BadArgument(function, *call.children[1], "an integer");
  }
  return {array.IsUnknown() ? Type(TypeKind::kAny) : array.Plain(), {}};
}

CheckedCall CheckConcat(const Function& function, const Node& call) {
  for (const Node* argument : call.children) {
    if (!argument->type.IsUnknown() && !argument->type.IsArray()) {
      return BadArgument(function, *argument, "arrays");
    }
  }
  return {TypeKind::kArray, {}};
}

}  // namespace

CheckedCall CheckCall(const Function& function, const Node& call,
                      const EnvironmentType& environment) {
  const std::size_t given = call.children.size();
  switch (function.rule) {
    case Rule::kOverloads:
      return CheckOverloads(function, call);
    case Rule::kNow:
      return CheckNow(function, call);
    case Rule::kDate:
      return CheckDate(function, call);
    case Rule::kAggregate:
    case Rule::kConcat:
      if (given == 0) {
        return {{},
                SourceError{call.at, fmt::format("{} needs at least one argument", function.name)}};
      }
      return function.rule == Rule::kConcat ? CheckConcat(function, call)
                                            : CheckAggregate(function, call);
    case Rule::kGet:
    case Rule::kTake:
      if (given != 2) return {{}, WrongCount(call, function.name, 2, 2, given)};
      return function.rule == Rule::kTake ? CheckTake(function, call)
                                          : CheckGet(function, call, environment);
    case Rule::kAnything:
      return {TypeKind::kAny, {}};
    default:
      if (given != 1) return {{}, WrongCount(call, function.name, 1, 1, given)};
      return CheckOne(function, call);
  }
}

bool TakesCount(const Function& function, std::size_t arguments) {
  switch (function.rule) {
    case Rule::kOverloads:
      return std::any_of(
          function.overloads.begin(), function.overloads.end(),
          [&](std::string_view parameters) { return parameters.size() == arguments; });
    case Rule::kAnything:
      return true;
    case Rule::kNow:
      return arguments <= 1;
    case Rule::kDate:
      return arguments >= 1 && arguments <= 4;
    case Rule::kAggregate:
    case Rule::kConcat:
      return arguments >= 1;
    case Rule::kGet:
    case Rule::kTake:
      return arguments == 2;
    default:
      return arguments == 1;
  }
}

Fault CheckMethodArguments(const Method& method, const Node& call,
                           std::span<Node* const> arguments) {
  const std::string_view parameters = method.parameters;
  if (arguments.size() != parameters.size()) {
    return WrongCount(call, method.name, parameters.size(), parameters.size(), arguments.size());
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (Accepts(parameters[i], arguments[i]->type)) continue;
    return SourceError{arguments[i]->at, fmt::format("{} needs {} here, found {}", method.name,
                                                     NameOf(ParameterType(parameters[i])),
                                                     NameOf(arguments[i]->type))};
  }
  return {};
}

}  // namespace penstock::expr
