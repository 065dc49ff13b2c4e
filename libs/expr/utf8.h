#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::expr {

/// Stands for bytes that are not UTF-8.
inline constexpr char32_t kReplacement = 0xFFFD;

struct Rune {
  char32_t code = 0;
  std::size_t length = 0;  ///< Bytes; 1 for a byte that is not UTF-8, 0 at the end.
};
/// The first character of `text`.
Rune DecodeRune(std::string_view text);
/// The last character of `text`.
Rune DecodeLastRune(std::string_view text);
/// Surrogates and codes beyond Unicode become kReplacement.
void AppendRune(std::string& out, char32_t code);
/// Characters; each byte that is not UTF-8 counts as one.
std::size_t CountRunes(std::string_view text);

/// Unicode categories, of the program's own tables (RE2's), whatever the locale.
bool IsLetter(char32_t code);
bool IsDigit(char32_t code);
bool IsSpace(char32_t code);
/// Simple case mapping: one character to one character.
char32_t ToUpper(char32_t code);
char32_t ToLower(char32_t code);

}  // namespace penstock::expr
