#include "expr/base64.h"

#include <cstdint>

namespace penstock::expr {

std::optional<std::string> DecodeBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int digits = 0;  // Of the group of four.
  int padding = 0;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    if (c == '=') {
      if (digits + padding < 2 || digits + padding > 3) return {};
      ++padding;
      continue;
    }
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos || padding > 0) return {};
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    if (++digits == 4) {
      for (const unsigned shift : {16U, 8U, 0U}) bytes += static_cast<char>(bits >> shift);
      bits = 0;
      digits = 0;
    }
  }
  if (digits + padding != 0 && digits + padding != 4) return {};
  if (digits == 2) bytes += static_cast<char>(bits >> 4U);
  if (digits == 3) {
    bytes += static_cast<char>(bits >> 10U);
    bytes += static_cast<char>(bits >> 2U);
  }
  return bytes;
}

}  // namespace penstock::expr
