#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "expr/source_error.h"

namespace penstock::expr {

/// Reads the quoted text that begins at `at` and puts `at` behind it. Escapes: \a \b \f \n \r \t
/// \v \\ and the quote, \ooo (three octal digits, up to \377), \xhh, \uhhhh, \Uhhhhhhhh,
/// \u{h...}; each number is a Unicode code. A line break must be escaped.
Fault ReadQuoted(std::string_view source, std::size_t& at, std::string& value);

}  // namespace penstock::expr
