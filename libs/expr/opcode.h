#pragma once

#include "expr/ast.h"
#include "expr/code.h"

namespace penstock::expr {

/// The instruction of a binary operator whose operands are both evaluated. For `!=` it may be the
/// one that tests for equality.
Op OpOf(const Node& binary);

}  // namespace penstock::expr
