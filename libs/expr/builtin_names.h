#pragma once

#include <cstddef>
#include <string_view>

namespace penstock::expr {

/// A function whose second argument is an expression, evaluated for each item of the first.
struct PredicateBuiltin {
  std::string_view name;
  std::size_t required = 2;
  std::size_t arguments = 2;  ///< At most.
};
const PredicateBuiltin* FindPredicateBuiltin(std::string_view name);

/// Whether the language itself has a function by this name; those of FindPredicateBuiltin count.
bool IsBuiltin(std::string_view name);
/// Whether it is one of GlassFlow's helper functions.
bool IsHelper(std::string_view name);
/// The known function most like `name`, for messages; empty when none is.
std::string_view NearestFunction(std::string_view name, bool helpers);
/// Steps from one name to the other: a letter more, less or another.
std::size_t NameDistance(std::string_view a, std::string_view b);

}  // namespace penstock::expr
