#pragma once

#include <functional>

#include "expr/ast.h"

namespace penstock::expr {

/// Calls `visit` for each place that holds a node, children before their parents. What a builtin
/// maps its hits with (`mapped`) is no child.
void VisitBottomUp(Node*& node, const std::function<void(Node*&)>& visit);

/// `x in ["a", "b"]` looks into a set (a kConstant whose `optional` is set): before folding.
void RewriteMembership(Tree& tree);

/// `int in 1..9` compares, `len(filter())` counts, `filter()[0]` finds, `any() or any()` is one
/// loop, `sum(map())`, `map(filter())` too: after folding.
void RewriteLoops(Tree& tree);

}  // namespace penstock::expr
