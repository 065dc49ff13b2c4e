#pragma once

#include "expr/ast.h"
#include "expr/source_error.h"

namespace penstock::expr {

/// Computes what is constant and rewrites what has a shorter equal, as the reference does. That
/// can be seen: `x or true` is true even where `x` fails, and `filter(a, p)[0]` stops at the first
/// item found. After the checker.
Fault Fold(Tree& tree);

}  // namespace penstock::expr
