#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "expr/ast.h"
#include "expr/program.h"

namespace penstock::expr {

/// "a.b.c" when the node is that chain of names from a field on; empty for anything else. `$env.a`
/// is "a".
std::string DottedName(const Node& node, const std::function<bool(std::string_view)>& is_variable);

/// What the tree reads of a record.
FieldUse UsesOf(const Node& root);

}  // namespace penstock::expr
