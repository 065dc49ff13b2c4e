#pragma once

#include <string>
#include <string_view>

#include "expr/context.h"
#include "expr/value.h"

namespace penstock::expr {

/// What the language's functions and GlassFlow's helpers share. Results live in the arena or in
/// the text given; all fail when they would grow too large.

Value UpperText(Context& context, std::string_view text);
Value LowerText(Context& context, std::string_view text);
/// Without white space at both ends.
Value TrimText(std::string_view text);
/// An array of strings. `limit` < 0: all parts; else at most so many, the last with the rest; 0:
/// none. `after`: parts keep the separator. An empty separator splits into characters.
Value SplitText(Context& context, std::string_view text, std::string_view separator,
                std::int64_t limit, bool after);
/// `limit` < 0: all of them.
Value ReplaceText(Context& context, std::string_view text, std::string_view from,
                  std::string_view to, std::int64_t limit);

}  // namespace penstock::expr
