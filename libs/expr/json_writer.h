#pragma once

#include <string>
#include <string_view>

#include "expr/context.h"
#include "expr/value.h"

namespace penstock::expr {

/// Appends a value as JSON: sorted keys; <, >, &, U+2028 and U+2029 escaped. `indent`: of `toJSON`,
/// two spaces a level; else in one line. Fails for what JSON cannot hold: infinite numbers, maps
/// with keys other than strings.
void AppendJson(Context& context, std::string& out, const Value& value, bool indent);

/// A string with its quotes, escaped as above. What is not UTF-8 becomes U+FFFD.
void AppendEscaped(std::string& out, std::string_view text);

}  // namespace penstock::expr
