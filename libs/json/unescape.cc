#include "json/unescape.h"

#include <algorithm>
#include <cstdint>

namespace penstock::json {

namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

// Four hexadecimal digits; false when they are not there.
bool ReadHex4(std::string_view text, std::uint32_t& value) {
  if (text.size() < 4) return false;
  value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!digit && (lower < 'a' || lower > 'f')) return false;
    value = value << 4 | static_cast<std::uint32_t>(digit ? c - '0' : lower - 'a' + 10);
  }
  return true;
}

char* AppendUtf8(std::uint32_t code, char* out) {
  const auto put = [&](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return out;
}

// What follows `\u`, with the other half of a surrogate pair. Moves `text` past it.
bool TakeCodePoint(std::string_view& text, std::uint32_t& code) {
  if (!ReadHex4(text, code)) return false;
  text.remove_prefix(4);
  if (code < 0xD800 || code > 0xDFFF) return true;
  std::uint32_t low = 0;
  const bool pair = code < 0xDC00 && text.starts_with("\\u") && ReadHex4(text.substr(2), low) &&
                    low >= 0xDC00 && low <= 0xDFFF;
  code = pair ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : kReplacement;
  if (pair) text.remove_prefix(6);
  return true;
}

// The character after a backslash, other than `u`; zero: no such escape.
char Simple(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

}  // namespace

char* Unescape(std::string_view raw, char* out) {
  while (true) {
    const std::size_t plain = std::min(raw.find('\\'), raw.size());
    out = std::copy_n(raw.data(), plain, out);
    raw.remove_prefix(plain);
    if (raw.empty()) return out;
    if (raw.size() < 2) return nullptr;
    const char kind = raw[1];
    raw.remove_prefix(2);
    if (kind == 'u') {
      std::uint32_t code = 0;
      if (!TakeCodePoint(raw, code)) return nullptr;
      out = AppendUtf8(code, out);
    } else if (const char simple = Simple(kind); simple != 0) {
      *out++ = simple;
    } else {
      return nullptr;
    }
  }
}

bool HasValidEscapes(std::string_view raw) {
  for (std::size_t at = raw.find('\\'); at != std::string_view::npos; at = raw.find('\\', at)) {
    std::uint32_t code = 0;
    if (at + 1 == raw.size()) return false;
    if (raw[at + 1] == 'u' ? !ReadHex4(raw.substr(at + 2), code) : Simple(raw[at + 1]) == 0) {
      return false;
    }
    at += 2;
  }
  return true;
}

}  // namespace penstock::json
