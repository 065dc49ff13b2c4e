#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "expr/type.h"

namespace penstock::expr {

/// Which functions there are. kPlain: the language's own, as in filters. kGlassFlow: GlassFlow's
/// 24 helpers, too, as in stateless transformations; nine of them replace functions of the
/// language.
enum class Mode { kPlain, kGlassFlow };

/// What is known of the record's fields when an expression is compiled: nothing, or all of them.
struct EnvironmentType {
  Mode mode = Mode::kPlain;
  bool declared = false;  ///< Then a name that is not in `fields` is an error.
  std::map<std::string, Type, std::less<>> fields;

  const Type* Find(std::string_view name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? nullptr : &found->second;
  }
};

}  // namespace penstock::expr
