#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace penstock::expr {

/// What is wrong with the text of an expression.
struct SourceError {
  std::size_t at = 0;  ///< Byte offset into the text.
  std::string message;
};
using Fault = std::optional<SourceError>;

struct LineColumn {
  std::size_t line = 1;
  std::size_t column = 1;  ///< In characters.
};
LineColumn PlaceOf(std::string_view source, std::size_t at);

/// "1:8: expected an operator, found '='", then the line and a caret under the place. A long line
/// is cut around the caret.
std::string Show(std::string_view source, const SourceError& error);

/// Code "expression", remedy kStop; the detail is what Show gives.
Error AsError(std::string_view source, const SourceError& error);

}  // namespace penstock::expr
