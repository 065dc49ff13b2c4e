#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "json/name_pattern.h"
#include "json/structural_index.h"

namespace penstock::json {

/// Walks the tokens of one object's text, front to back, and checks JSON's grammar on the way:
/// whoever walks to the end has a proof that the whole text is well-formed, also of what was only
/// skipped. The first fault sticks; every method that returns false has set it.
///
/// The text must begin with `{` and end with `}` (Start checks), so a token that is not a closing
/// bracket always has one behind it: only after closing brackets is the end looked for.
class TokenCursor {
 public:
  /// Nested deeper than this is a fault.
  static constexpr std::size_t kMaxDepth = 1024;

  bool Start(std::string_view text, const StructuralIndex& index);

  /// The first character of the token here.
  char Peek() const { return text_[*at_]; }
  std::size_t offset() const { return *at_; }
  bool AtEnd() const { return at_ == end_; }
  void Next() { ++at_; }

  /// Moves past a closing bracket, after which something must follow.
  bool CloseInner() {
    ++at_;
    return at_ != end_ || Fail("the text ends inside an object or array");
  }

  /// Moves past the ':' behind a member's name.
  bool TakeColon() {
    if (Peek() != ':') return Fail("expected ':' after a member's name");
    ++at_;
    return true;
  }

  /// If the string here is the name's, moves past it. False says nothing: look closer.
  bool TakeIfName(const NamePattern& name) {
    const char* const begin = text_ + *at_;
    if (end_of_text_ - begin < NamePattern::kBytes || !name.Matches(begin)) return false;
    ++at_;
    return true;
  }

  /// The text between the quotes of the string here, still escaped; moves past it.
  bool TakeString(std::string_view& raw) {
    const std::string_view token = Token();
    if (token.size() < 2 || token.back() != '"') return Fail("malformed string");
    raw = token.substr(1, token.size() - 2);
    ++at_;
    return true;
  }

  /// The text of the number or literal here; moves past it.
  std::string_view TakeScalar() {
    const std::string_view token = Token();
    ++at_;
    return token;
  }

  /// Moves past `literal` ("true", "false", "null"), of which the first letter is known.
  bool TakeLiteral(std::string_view literal) {
    if (Token() != literal) return Fail("malformed literal; true, false or null is meant?");
    ++at_;
    return true;
  }

  /// Whether `raw`, from TakeString, holds a backslash. Ask in the order of the text: then all
  /// the calls together look at each byte once.
  bool HasEscape(std::string_view raw) {
    if (escape_ < raw.data()) escape_ = FindEscape(raw.data());
    return escape_ < raw.data() + raw.size();
  }
  bool HasEscapeAhead() const { return escape_ != end_of_text_; }

  /// Moves past the value here, whatever it is, and checks all of it.
  bool Skip() {
    const char c = Peek();
    if (c == '"') return SkipString();
    return c == '{' || c == '[' ? SkipContainer() : SkipScalar();
  }
  bool SkipString();

  /// The text of the value that began at `begin` and that the cursor has just moved past.
  std::string_view ValueSince(std::size_t begin) const {
    const char* last = text_ + *at_ - 1;
    while (IsSpace(*last)) --last;
    return {text_ + begin, static_cast<std::size_t>(last + 1 - (text_ + begin))};
  }

  /// False, with the place of the token here as the place of the fault.
  bool Fail(const char* what) { return FailAt(what, *at_); }
  bool FailAt(const char* what, std::size_t offset);
  const char* fault() const { return fault_; }
  std::size_t fault_offset() const { return fault_offset_; }
  std::size_t OffsetOf(const char* in_text) const {
    return static_cast<std::size_t>(in_text - text_);
  }

 private:
  static bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

  // The token here up to its last character; only white space is between it and the next one.
  std::string_view Token() const {
    const char* const begin = text_ + *at_;
    const char* last = text_ + at_[1] - 1;
    while (last != begin && IsSpace(*last)) --last;
    return {begin, static_cast<std::size_t>(last - begin) + 1};
  }

  const char* FindEscape(const char* from) const {
    const auto left = static_cast<std::size_t>(end_of_text_ - from);
    const void* found = std::memchr(from, '\\', left);
    return found == nullptr ? end_of_text_ : static_cast<const char*>(found);
  }

  bool SkipContainer();
  bool SkipScalar();
  bool SkipName();

  const char* text_ = nullptr;
  const char* end_of_text_ = nullptr;
  const std::uint32_t* at_ = nullptr;
  const std::uint32_t* end_ = nullptr;
  const char* escape_ = nullptr;  // The first backslash not before the last question.
  const char* fault_ = nullptr;
  std::size_t fault_offset_ = 0;
  std::bitset<kMaxDepth> in_object_;  // For SkipContainer: what each open bracket is.
};

}  // namespace penstock::json
