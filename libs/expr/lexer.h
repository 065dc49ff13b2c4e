#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "expr/source_error.h"

namespace penstock::expr {

enum class TokenKind { kName, kNumber, kString, kOperator, kBracket, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t at = 0;  ///< Byte offset of its first character.
  std::string text;    ///< Of a string: its value.

  bool Is(TokenKind of, std::string_view value) const { return kind == of && text == value; }
  bool IsOperator(std::string_view value) const { return Is(TokenKind::kOperator, value); }
  bool IsBracket(std::string_view value) const { return Is(TokenKind::kBracket, value); }
};

/// Cuts an expression into tokens; the last one is kEnd.
Fault Tokenize(std::string_view source, std::vector<Token>& tokens);

/// Letters, digits, `_` and `$`, not beginning with a digit.
bool IsIdentifier(std::string_view text);

}  // namespace penstock::expr
