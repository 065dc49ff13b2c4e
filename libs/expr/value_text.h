#pragma once

#include <string>

#include "expr/context.h"
#include "expr/value.h"

namespace penstock::expr {

/// As `string()` prints it: "1e+06", "<nil>", "[1 2]", "map[a:1]". Fails when it is too long.
void AppendPrinted(Context& context, std::string& out, const Value& value);

/// As the helper functions and the output type `string` have it: plain decimals, nil is empty.
/// False, and nothing appended, for arrays and maps.
bool AppendConverted(std::string& out, const Value& value);

/// The text a helper function makes of its argument; empty for arrays and maps. A string's own
/// bytes, else a copy in the arena.
std::string_view TextOf(Context& context, const Value& value);

}  // namespace penstock::expr
