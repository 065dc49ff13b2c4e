#include "clickhouse/json_reader.h"

#include <cstring>

#include "base/check.h"

namespace penstock::clickhouse {

namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads 4 hex digits at `at`; false when there are none.
bool ReadHex4(std::string_view text, std::size_t at, std::uint32_t& value) {
  if (text.size() - at < 4) return false;
  value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return false;
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  return true;
}

void AppendUtf8(std::string& out, std::uint32_t code) {
  const auto push = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | (code >> 6));
    push(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    push(0xE0 | (code >> 12));
    push(0x80 | ((code >> 6) & 0x3F));
    push(0x80 | (code & 0x3F));
  } else {
    push(0xF0 | (code >> 18));
    push(0x80 | ((code >> 12) & 0x3F));
    push(0x80 | ((code >> 6) & 0x3F));
    push(0x80 | (code & 0x3F));
  }
}

// The character of the \u escape whose digits start at `at`; moves `at` behind it, and behind the
// second half of a surrogate pair.
bool ReadUnicodeEscape(std::string_view text, std::size_t& at, std::uint32_t& code) {
  if (!ReadHex4(text, at, code)) return false;
  at += 4;
  if (code >= 0xDC00 && code < 0xE000) code = kReplacement;
  if (code < 0xD800 || code >= 0xDC00) return true;
  std::uint32_t low = 0;
  const bool pair = text.size() - at >= 6 && text[at] == '\\' && text[at + 1] == 'u' &&
                    ReadHex4(text, at + 2, low) && low >= 0xDC00 && low < 0xE000;
  if (!pair) return code = kReplacement, true;
  at += 6;
  code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  return true;
}

}  // namespace

bool AppendUnescaped(std::string_view quoted, std::string& out) {
  for (std::size_t at = 0; at < quoted.size();) {
    const char c = quoted[at++];
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    if (at == quoted.size()) return false;
    static constexpr std::string_view kLetters = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char letter = quoted[at++];
    std::uint32_t code = 0;
    if (const std::size_t i = kLetters.find(letter); i != std::string_view::npos) {
      out.push_back(kMeanings[i]);
    } else if (letter == 'u' && ReadUnicodeEscape(quoted, at, code)) {
      AppendUtf8(out, code);
    } else {
      return false;
    }
  }
  return true;
}

const std::array<JsonReader::Kind, 256> JsonReader::kKinds = [] {
  std::array<Kind, 256> kinds{};
  kinds.fill(Kind::kFault);
  kinds['n'] = Kind::kNull;
  kinds['t'] = Kind::kTrue;
  kinds['f'] = Kind::kFalse;
  kinds['"'] = Kind::kString;
  kinds['['] = Kind::kArray;
  kinds['{'] = Kind::kObject;
  kinds['-'] = Kind::kNumber;
  for (std::size_t digit = '0'; digit <= '9'; ++digit) kinds.at(digit) = Kind::kNumber;
  return kinds;
}();

std::string_view JsonReader::Skip() {
  const Kind kind = Peek();
  const char* const start = at_;
  fresh_ = false;
  switch (kind) {
    case Kind::kFault:
      Fail();
      return {};
    case Kind::kNull:
    case Kind::kTrue:
    case Kind::kFalse:
      while (at_ != end_ && *at_ >= 'a' && *at_ <= 'z') ++at_;
      break;
    case Kind::kNumber:
      Number();
      break;
    case Kind::kString:
      ++at_;
      SkipToClosingQuote();
      break;
    case Kind::kArray:
    case Kind::kObject:
      SkipBracketed();
      break;
  }
  if (!ok_) return {};
  return {start, static_cast<std::size_t>(at_ - start)};
}

// Counts brackets and steps over strings: no recursion, whatever the depth.
void JsonReader::SkipBracketed() {
  std::size_t depth = 0;
  while (at_ != end_) {
    const char c = *at_++;
    if (c == '"' && !SkipToClosingQuote()) return;
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && --depth == 0) return;
  }
  Fail();
}

// Inside of a string: goes behind its closing quote. False: there is none.
bool JsonReader::SkipToClosingQuote() {
  for (;;) {
    at_ = FindSpecial(at_, end_, readable_);
    if (at_ == end_) return Fail(), false;
    if (*at_ == '"') return ++at_, true;
    // A backslash, and what it escapes.
    if (end_ - at_ < 2) return Fail(), false;
    at_ += 2;
  }
}

std::string_view JsonReader::StringWithEscapes(const char* start, std::string& scratch) {
  if (!SkipToClosingQuote()) return {};
  scratch.clear();
  const std::string_view quoted(start, static_cast<std::size_t>(at_ - 1 - start));
  if (!AppendUnescaped(quoted, scratch)) return Fail(), std::string_view();
  return scratch;
}

}  // namespace penstock::clickhouse
