#include "expr/utf8.h"

#include <algorithm>
#include <clocale>
#include <cwctype>

#include <locale.h>
#include <re2/re2.h>

namespace penstock::expr {

namespace {

bool IsContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

// The C library's own Unicode tables; C.UTF-8 is built into it.
locale_t Utf8Locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

bool Matches(char32_t code, const RE2& category) {
  std::string text;
  AppendRune(text, code);
  return RE2::FullMatch(text, category);
}

}  // namespace

Rune DecodeRune(std::string_view text) {
  if (text.empty()) return {kReplacement, 0};
  const auto byte = [&](std::size_t at) -> char32_t {
    return static_cast<unsigned char>(text[at]);
  };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {kReplacement, 1};
  char32_t code = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return {kReplacement, 1};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  if (code < kLeast[length] || code > 0x10FFFF || surrogate) return {kReplacement, 1};
  return {code, length};
}

Rune DecodeLastRune(std::string_view text) {
  if (text.empty()) return {kReplacement, 0};
  const std::size_t most = std::min<std::size_t>(4, text.size());
  for (std::size_t length = most; length > 1; --length) {
    const Rune rune = DecodeRune(text.substr(text.size() - length));
    if (rune.length == length) return rune;
  }
  return DecodeRune(text.substr(text.size() - 1));
}

void AppendRune(std::string& out, char32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) code = kReplacement;
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0U | (code >> 6U));
  } else {
    if (code < 0x10000) {
      put(0xE0U | (code >> 12U));
    } else {
      put(0xF0U | (code >> 18U));
      put(0x80U | ((code >> 12U) & 0x3FU));
    }
    put(0x80U | ((code >> 6U) & 0x3FU));
  }
  put(0x80U | (code & 0x3FU));
}

std::size_t CountRunes(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    at += static_cast<unsigned char>(text[at]) < 0x80 ? 1 : DecodeRune(text.substr(at)).length;
  }
  return count;
}

bool IsLetter(char32_t code) {
  if (code < 0x80) return (code | 0x20U) >= 'a' && (code | 0x20U) <= 'z';
  static const RE2 category("\\p{L}");
  return Matches(code, category);
}

bool IsDigit(char32_t code) {
  if (code < 0x80) return code >= '0' && code <= '9';
  static const RE2 category("\\p{Nd}");
  return Matches(code, category);
}

bool IsSpace(char32_t code) {
  if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
  return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

char32_t ToUpper(char32_t code) {
  if (code < 0x80) return code >= 'a' && code <= 'z' ? code - 0x20 : code;
  return static_cast<char32_t>(towupper_l(static_cast<wint_t>(code), Utf8Locale()));
}

char32_t ToLower(char32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + 0x20 : code;
  return static_cast<char32_t>(towlower_l(static_cast<wint_t>(code), Utf8Locale()));
}

}  // namespace penstock::expr
