#include "expr/number_literal.h"

#include <limits>

#include "base/format.h"
#include "expr/number_text.h"

namespace penstock::expr {

NumberLiteral ReadNumberLiteral(std::string_view token) {
  std::string text(token);
  std::erase(text, '_');
  const char letter = text.size() > 1 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
  const bool based = letter == 'x' || letter == 'o' || letter == 'b';
  NumberLiteral literal;
  literal.is_float = letter != 'x' && text.find_first_of(".eE") != std::string::npos;
  if (literal.is_float) {
    const auto number = ParseFloat(text);
    if (!number) literal.error = fmt::format("'{}' is not a number", token);
    literal.number = number.value_or(0);
    return literal;
  }
  const auto integer = ParseInteger(text, based ? 0 : 10);
  if (!integer) {
    literal.error = fmt::format("'{}' is no integer of 64 bits (at most {})", token,
                                std::numeric_limits<std::int64_t>::max());
  }
  literal.integer = integer.value_or(0);
  return literal;
}

}  // namespace penstock::expr
