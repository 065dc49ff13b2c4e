#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "expr/ast.h"
#include "expr/source_error.h"

namespace penstock::expr {

/// The reference's limit of an expression's size.
inline constexpr std::size_t kMaxNodes = 10'000;
/// Our own of its depth: parentheses, brackets and operators within each other.
inline constexpr int kMaxNesting = 1'000;
/// And of the tree's, to which a long chain of `+` adds a level each.
inline constexpr std::uint32_t kMaxTreeDepth = 1'500;
/// `a ?: b` evaluates `a` twice, so that a chain of them grows fast.
inline constexpr std::uint32_t kMaxTreeSize = 100'000;

/// Whether a call by this name is no call of a built-in function: a helper or a field has it.
using IsOverridden = std::function<bool(std::string_view name)>;

Fault Parse(std::string_view source, const IsOverridden& is_overridden, Tree& tree);

}  // namespace penstock::expr
