#include "expr/string_literal.h"

#include "base/format.h"
#include "expr/utf8.h"

namespace penstock::expr {

namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Reader {
 public:
  Reader(std::string_view source, std::size_t at) : source_(source), at_(at) {}

  Fault Read(std::string& value) {
    const std::size_t from = at_;
    const char quote = source_[at_++];
    while (at_ < source_.size() && source_[at_] != '\n') {
      const char c = source_[at_];
      if (c == quote) {
        ++at_;
        return {};
      }
      if (c == '\\') {
        if (Fault fault = Escape(quote, value)) return fault;
      } else {
        Plain(value);
      }
    }
    return SourceError{from, fmt::format("this text has no end: a closing {} is missing", quote)};
  }

  std::size_t at() const { return at_; }

 private:
  // Line breaks of other systems become \n; a byte that is not UTF-8 becomes U+FFFD.
  void Plain(std::string& value) {
    if (source_[at_] == '\r') {
      value += '\n';
      ++at_;
      return;
    }
    const Rune rune = DecodeRune(source_.substr(at_));
    AppendRune(value, rune.code);
    at_ += rune.length;
  }

  Fault Escape(char quote, std::string& value) {
    const std::size_t from = at_++;
    const char c = at_ < source_.size() ? source_[at_++] : '\0';
    constexpr std::string_view kNames = "abfnrtv\\";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\";
    if (const std::size_t name = kNames.find(c); c != '\0' && name != std::string_view::npos) {
      value += kMeanings[name];
      return {};
    }
    if (c == quote) {
      value += quote;
      return {};
    }
    std::optional<char32_t> code;
    if (c == 'x') code = Digits(2);
    if (c == 'u') code = at_ < source_.size() && source_[at_] == '{' ? Braced() : Digits(4);
    if (c == 'U') code = Digits(8);
    if (c >= '0' && c <= '3') code = Octal(c);
    if (!code || *code > 0x10FFFF) {
      return SourceError{
          from, fmt::format("'\\{}' is not a valid escape; write \\\\ for a backslash, or put the "
                            "text between ` and `",
                            c == '\0' ? std::string() : std::string(1, c))};
    }
    AppendRune(value, *code);
    return {};
  }

  std::optional<char32_t> Digits(std::size_t count) {
    char32_t code = 0;
    for (std::size_t i = 0; i < count; ++i, ++at_) {
      const int digit = at_ < source_.size() ? HexDigit(source_[at_]) : -1;
      if (digit < 0) return std::nullopt;
      code = (code << 4U) | static_cast<char32_t>(digit);
    }
    return code;
  }

  std::optional<char32_t> Braced() {
    ++at_;
    char32_t code = 0;
    std::size_t count = 0;
    for (; at_ < source_.size() && source_[at_] != '}'; ++at_, ++count) {
      const int digit = HexDigit(source_[at_]);
      if (digit < 0 || count == 6) return std::nullopt;
      code = (code << 4U) | static_cast<char32_t>(digit);
    }
    if (at_ == source_.size() || count == 0) return std::nullopt;
    ++at_;
    return code;
  }

  std::optional<char32_t> Octal(char first) {
    auto code = static_cast<char32_t>(first - '0');
    for (int i = 0; i < 2; ++i, ++at_) {
      if (at_ >= source_.size() || source_[at_] < '0' || source_[at_] > '7') return std::nullopt;
      code = code * 8 + static_cast<char32_t>(source_[at_] - '0');
    }
    return code;
  }

  std::string_view source_;
  std::size_t at_;
};

}  // namespace

Fault ReadQuoted(std::string_view source, std::size_t& at, std::string& value) {
  Reader reader(source, at);
  Fault fault = reader.Read(value);
  at = reader.at();
  return fault;
}

}  // namespace penstock::expr
