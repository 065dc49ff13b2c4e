#include "json/token_cursor.h"

#include "json/number.h"
#include "json/unescape.h"

namespace penstock::json {

bool TokenCursor::Start(std::string_view text, const StructuralIndex& index) {
  text_ = text.data();
  end_of_text_ = text_ + text.size();
  at_ = index.begin();
  end_ = index.end();
  fault_ = nullptr;
  escape_ = FindEscape(text_);
  if (Peek() != '{') {
    return Fail(text.starts_with("\xEF\xBB\xBF") ? "the text begins with a byte order mark"
                                                 : "the text is not a JSON object");
  }
  // Whether it is the right one is found out on the way.
  if (text_[end_[-1]] != '}')
    return FailAt("the text does not end with the object's '}'", text.size());
  return true;
}

bool TokenCursor::FailAt(const char* what, std::size_t offset) {
  if (fault_ == nullptr) {
    fault_ = what;
    fault_offset_ = offset;
  }
  return false;
}

bool TokenCursor::SkipString() {
  std::string_view raw;
  if (!TakeString(raw)) return false;
  if (HasEscape(raw) && !HasValidEscapes(raw)) {
    return FailAt("malformed escape in a string", OffsetOf(raw.data()));
  }
  return true;
}

bool TokenCursor::SkipScalar() {
  const char c = Peek();
  if (c == 't') return TakeLiteral("true");
  if (c == 'f') return TakeLiteral("false");
  if (c == 'n') return TakeLiteral("null");
  if (!IsNumber(Token())) return Fail("expected a value");
  ++at_;
  return true;
}

bool TokenCursor::SkipName() {
  if (Peek() != '"') return Fail("expected a member's name in double quotes");
  return SkipString() && TakeColon();
}

bool TokenCursor::SkipContainer() {
  std::size_t depth = 0;
  bool in_object = false;
  while (true) {
    // Here is a value.
    const char opening = Peek();
    if (opening == '{' || opening == '[') {
      if (depth == kMaxDepth) return Fail("nested too deeply");
      in_object = opening == '{';
      in_object_[depth++] = in_object;
      ++at_;
      if (Peek() != (in_object ? '}' : ']')) {
        if (in_object && !SkipName()) return false;
        continue;
      }
    } else if (!(opening == '"' ? SkipString() : SkipScalar())) {
      return false;
    }
    // Behind a value, or at the closing bracket of an empty container.
    while (Peek() == (in_object ? '}' : ']')) {
      if (!CloseInner()) return false;
      if (--depth == 0) return true;
      in_object = in_object_[depth - 1];
    }
    if (Peek() != ',') return Fail("expected ',' or a closing bracket after a value");
    ++at_;
    if (in_object && !SkipName()) return false;
  }
}

}  // namespace penstock::json
