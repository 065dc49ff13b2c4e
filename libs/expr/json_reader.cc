#include "expr/json_reader.h"

#include <array>

#include "base/format.h"
#include "base/text.h"
#include "expr/compare.h"
#include "expr/number_text.h"
#include "expr/utf8.h"

namespace penstock::expr {

namespace {

// What a string is copied for: its end, an escape, a control character, the first byte of
// something that is not ASCII.
constexpr std::array<bool, 256> MakeTelling() {
  std::array<bool, 256> telling{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    telling[byte] = byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
  }
  return telling;
}
constexpr std::array<bool, 256> kTelling = MakeTelling();

class Reader {
 public:
  Reader(Context& context, std::string_view text)
      : context_(context), at_(text.data()), begin_(at_), end_(at_ + text.size()) {}

  std::optional<Value> Run() {
    Value value;
    const std::size_t base = context_.stack().size();
    const bool ok = Read(value, 0) && AtEnd();
    context_.stack().resize(base);
    if (!ok) return std::nullopt;
    return value;
  }

 private:
  bool Fail(std::string_view what) {
    if (!context_.failed()) {
      context_.Fail(fmt::format("this is no JSON: {} at byte {}", what, at_ - begin_));
    }
    return false;
  }
  void SkipSpace() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool AtEnd() {
    SkipSpace();
    return at_ == end_ || Fail("something follows the value");
  }
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool Word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() ||
        std::string_view(at_, word.size()) != word) {
      return Fail("a value is expected");
    }
    at_ += word.size();
    return true;
  }

  bool Read(Value& value, int depth) {
    SkipSpace();
    if (at_ == end_) return Fail("it ends too early");
    switch (*at_) {
      case '{':
        return Object(value, depth);
      case '[':
        return Array(value, depth);
      case '"':
        return String(value);
      case 't':
        value = Value::Bool(true);
        return Word("true");
      case 'f':
        value = Value::Bool(false);
        return Word("false");
      case 'n':
        value = Value::Nil();
        return Word("null");
      default:
        return Number(value);
    }
  }

  bool Array(Value& value, int depth) {
    if (depth >= Context::kMaxDepth) return Fail("it is nested too deeply");
    ++at_;
    std::vector<Value>& stack = context_.stack();
    const std::size_t base = stack.size();
    SkipSpace();
    if (!Take(']')) {
      do {
        Value item;
        if (!Read(item, depth + 1)) return false;
        stack.push_back(item);
        SkipSpace();
      } while (Take(','));
      if (!Take(']')) return Fail("',' or ']' is expected");
    }
    value = context_.NewArray({stack.data() + base, stack.size() - base});
    stack.resize(base);
    return !context_.failed();
  }

  bool Object(Value& value, int depth) {
    if (depth >= Context::kMaxDepth) return Fail("it is nested too deeply");
    ++at_;
    std::vector<Value>& stack = context_.stack();
    const std::size_t base = stack.size();
    SkipSpace();
    if (!Take('}')) {
      do {
        Value key;
        Value member;
        SkipSpace();
        if (at_ == end_ || *at_ != '"') return Fail("a member's name is expected");
        if (!String(key)) return false;
        SkipSpace();
        if (!Take(':')) return Fail("':' is expected");
        if (!Read(member, depth + 1)) return false;
        stack.push_back(key);
        stack.push_back(member);
        SkipSpace();
      } while (Take(','));
      if (!Take('}')) return Fail("',' or '}' is expected");
    }
    const std::size_t count = (stack.size() - base) / 2;
    if (!context_.Room(count * sizeof(Entry))) return false;
    auto* const entries = context_.arena().Make<Entry>(count);
    for (std::size_t i = 0; i < count; ++i) {
      entries[i] = {stack[base + 2 * i], stack[base + 2 * i + 1]};
    }
    stack.resize(base);
    value = Value::Map({entries, SortEntries(entries, count)});
    return true;
  }

  bool String(Value& value) {
    const char* const from = ++at_;
    while (at_ < end_ && !kTelling[static_cast<unsigned char>(*at_)]) ++at_;
    if (at_ < end_ && *at_ == '"') {
      value = Value::String({from, static_cast<std::size_t>(at_ - from)});
      ++at_;
      return true;
    }
    at_ = from;
    return EscapedString(value);
  }

  bool EscapedString(Value& value) {
    std::string& text = context_.scratch();
    for (;;) {
      if (at_ == end_) return Fail("a string has no end");
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte == '"') break;
      if (byte < 0x20) return Fail("a control character in a string");
      if (byte == '\\') {
        if (!Escape(text)) return false;
      } else if (byte < 0x80) {
        text += *at_++;
      } else {
        const Rune rune = DecodeRune({at_, static_cast<std::size_t>(end_ - at_)});
        AppendRune(text, rune.code);
        at_ += rune.length;
      }
    }
    ++at_;
    value = context_.NewString(text);
    return !context_.failed();
  }

  bool Escape(std::string& text) {
    ++at_;
    if (at_ == end_) return Fail("a string has no end");
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = *at_++;
    if (const std::size_t name = kNames.find(c); name != std::string_view::npos) {
      text += kMeanings[name];
      return true;
    }
    char32_t code = 0;
    if (c != 'u' || !Hex(code)) return Fail("an escape that is none");
    // Two halves are one character; a half alone becomes U+FFFD.
    if (code >= 0xD800 && code < 0xDC00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
      const char* const second = at_;
      char32_t low = 0;
      at_ += 2;
      if (!Hex(low)) return Fail("an escape that is none");
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
      } else {
        at_ = second;
      }
    }
    AppendRune(text, code);
    return true;
  }

  bool Hex(char32_t& code) {
    if (end_ - at_ < 4) return false;
    code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = *at_;
      const char lower = static_cast<char>(c | 0x20);
      const bool digit = c >= '0' && c <= '9';
      if (!digit && (lower < 'a' || lower > 'f')) return false;
      code = code * 16 + static_cast<char32_t>(digit ? c - '0' : lower - 'a' + 10);
    }
    return true;
  }

  bool Digits() {
    const char* const from = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > from;
  }

  bool Number(Value& value) {
    const char* const from = at_;
    Take('-');
    const bool zero = at_ < end_ && *at_ == '0';
    if (zero) {
      ++at_;
    } else if (!Digits()) {
      return Fail("a value is expected");
    }
    if (Take('.') && !Digits()) return Fail("a digit is expected");
    if (at_ < end_ && (*at_ | 0x20) == 'e') {
      ++at_;
      if (!Take('-')) Take('+');
      if (!Digits()) return Fail("a digit is expected");
    }
    const auto number = RecordNumber({from, static_cast<std::size_t>(at_ - from)});
    if (!number) return Fail("a number too large");
    value = *number;
    return true;
  }

  Context& context_;
  const char* at_;
  const char* begin_;
  const char* end_;
};

}  // namespace

std::optional<Value> ReadJson(Context& context, std::string_view text) {
  return Reader(context, text).Run();
}

}  // namespace penstock::expr
