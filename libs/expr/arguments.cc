#include "expr/arguments.h"

#include "base/format.h"

namespace penstock::expr {

Value FailArgument(Context& context, std::string_view function, std::string_view wanted,
                   const Value& found) {
  return context.Fail(fmt::format("{} needs {}, found {}", function, wanted, NameOf(found)));
}

std::string_view StringArgument(Context& context, std::span<const Value> arguments, std::size_t at,
                                std::string_view function) {
  if (arguments[at].IsString()) return arguments[at].string();
  FailArgument(context, function, "a string", arguments[at]);
  return {};
}

std::span<const Value> ArrayArgument(Context& context, const Value& argument,
                                     std::string_view function) {
  if (argument.IsArray()) return argument.array();
  FailArgument(context, function, "an array", argument);
  return {};
}

bool AtLeast(Context& context, std::span<const Value> arguments, std::size_t count,
             std::string_view function) {
  if (arguments.size() >= count) return true;
  context.Fail(fmt::format("{} needs {} argument{}, found {}", function, count,
                           count == 1 ? "" : "s", arguments.size()));
  return false;
}

}  // namespace penstock::expr
