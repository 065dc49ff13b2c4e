#pragma once

#include "expr/ast.h"
#include "expr/code.h"
#include "expr/source_error.h"

namespace penstock::expr {

/// Turns a checked and folded tree into instructions.
Fault Emit(const Tree& tree, const EnvironmentType& environment, FieldTable& fields, Code& code);

}  // namespace penstock::expr
