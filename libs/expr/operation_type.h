#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "expr/type.h"

namespace penstock::expr {

/// The type of a binary operator's result; nothing when the operands never fit. For `..` the type
/// of an item; not for `in` and `??`.
std::optional<Type> OperationType(std::string_view op, const Type& left, const Type& right);

/// Why they do not fit.
std::string MismatchText(std::string_view op, const Type& left, const Type& right);

}  // namespace penstock::expr
