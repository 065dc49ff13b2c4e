#pragma once

#include <span>

#include "expr/ast.h"
#include "expr/environment_type.h"
#include "expr/function.h"
#include "expr/source_error.h"

namespace penstock::expr {

struct CheckedCall {
  Type type;
  Fault fault;
};

/// Whether the arguments of a built-in function, whose types are known by now, fit; and what comes
/// out.
CheckedCall CheckCall(const Function& function, const Node& call,
                      const EnvironmentType& environment);

/// Whether a function can be called with so many arguments at all.
bool TakesCount(const Function& function, std::size_t arguments);

Fault CheckMethodArguments(const Method& method, const Node& call,
                           std::span<Node* const> arguments);

}  // namespace penstock::expr
