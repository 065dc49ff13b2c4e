#pragma once

#include "expr/ast.h"
#include "expr/environment_type.h"
#include "expr/source_error.h"

namespace penstock::expr {

/// Finds what is wrong before any record is seen: operands and arguments of kinds that never fit,
/// unknown fields where they are declared, bad patterns. Fills in the nodes' types. `types` keeps
/// what types point to, and must live as long as the tree.
Fault Check(Tree& tree, const EnvironmentType& environment, std::deque<Type>& types);

}  // namespace penstock::expr
