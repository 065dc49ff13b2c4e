#pragma once

#include <span>
#include <string_view>

#include "expr/context.h"
#include "expr/value.h"

namespace penstock::expr {

/// What functions ask of their arguments when they run. Each fails and gives something harmless
/// when the argument is of another kind.
std::string_view StringArgument(Context& context, std::span<const Value> arguments, std::size_t at,
                                std::string_view function);
std::span<const Value> ArrayArgument(Context& context, const Value& argument,
                                     std::string_view function);
/// Fails when there are fewer.
bool AtLeast(Context& context, std::span<const Value> arguments, std::size_t count,
             std::string_view function);
Value FailArgument(Context& context, std::string_view function, std::string_view wanted,
                   const Value& found);

}  // namespace penstock::expr
