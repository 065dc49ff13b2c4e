#include "expr/text_operations.h"

#include <algorithm>

#include "expr/utf8.h"

namespace penstock::expr {

namespace {

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

template <typename MapRune>
Value Mapped(Context& context, std::string_view text, MapRune map_rune) {
  if (IsAscii(text)) {
    if (!context.Room(text.size())) return Value::Nil();
    char* const mapped = context.arena().Make<char>(text.size());
    std::transform(text.begin(), text.end(), mapped, [&](char c) {
      return static_cast<char>(map_rune(static_cast<unsigned char>(c)));
    });
    return Value::String({mapped, text.size()});
  }
  std::string& mapped = context.scratch();
  for (std::size_t at = 0; at < text.size();) {
    const Rune rune = DecodeRune(text.substr(at));
    AppendRune(mapped, map_rune(rune.code));
    at += rune.length;
  }
  return context.NewString(mapped);
}

// The end of the first part; npos: there is no further separator.
std::size_t FindSeparator(std::string_view text, std::string_view separator) {
  if (!separator.empty()) return text.find(separator);
  const std::size_t first = DecodeRune(text).length;
  return first < text.size() ? first : std::string_view::npos;
}

}  // namespace

Value UpperText(Context& context, std::string_view text) {
  return Mapped(context, text, ToUpper);
}

Value LowerText(Context& context, std::string_view text) {
  return Mapped(context, text, ToLower);
}

Value TrimText(std::string_view text) {
  for (;;) {
    const Rune rune = DecodeRune(text);
    if (rune.length == 0 || !IsSpace(rune.code)) break;
    text.remove_prefix(rune.length);
  }
  for (;;) {
    const Rune rune = DecodeLastRune(text);
    if (rune.length == 0 || !IsSpace(rune.code)) break;
    text.remove_suffix(rune.length);
  }
  return Value::String(text);
}

Value SplitText(Context& context, std::string_view text, std::string_view separator,
                std::int64_t limit, bool after) {
  if (limit == 0) {
    Value none = Value::Array({}, ArrayOf::kString);
    none.is_null = true;
    return none;
  }
  // An empty text has no characters, yet one part between separators.
  if (text.empty() && separator.empty()) return Value::Array({}, ArrayOf::kString);
  std::vector<Value>& parts = context.stack();
  const std::size_t base = parts.size();
  std::int64_t count = 1;
  for (; limit < 0 || count < limit; ++count) {
    const std::size_t end = FindSeparator(text, separator);
    if (end == std::string_view::npos) break;
    if (!context.Room((parts.size() - base) * sizeof(Value))) return Value::Nil();
    parts.push_back(Value::String(text.substr(0, after ? end + separator.size() : end)));
    text.remove_prefix(end + separator.size());
  }
  parts.push_back(Value::String(text));
  const Value array =
      context.NewArray({parts.data() + base, parts.size() - base}, ArrayOf::kString);
  parts.resize(base);
  return array;
}

Value ReplaceText(Context& context, std::string_view text, std::string_view from,
                  std::string_view to, std::int64_t limit) {
  if (limit == 0 || from == to) return Value::String(text);
  std::string& replaced = context.scratch();
  std::int64_t count = 0;
  const auto more = [&] { return limit < 0 || count < limit; };
  if (from.empty()) {
    // Before each character and at the end.
    while (more() && context.Fits(replaced)) {
      replaced += to;
      ++count;
      if (text.empty()) break;
      const std::size_t length = DecodeRune(text).length;
      replaced += text.substr(0, length);
      text.remove_prefix(length);
    }
  } else {
    while (more() && context.Fits(replaced)) {
      const std::size_t at = text.find(from);
      if (at == std::string_view::npos) break;
      replaced += text.substr(0, at);
      replaced += to;
      text.remove_prefix(at + from.size());
      ++count;
    }
    if (count == 0) return Value::String(text);
  }
  replaced += text;
  return context.NewString(replaced);
}

}  // namespace penstock::expr
