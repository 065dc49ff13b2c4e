#include <algorithm>

#include "base/format.h"
#include "expr/arguments.h"
#include "expr/arithmetic.h"
#include "expr/function.h"
#include "expr/text_operations.h"
#include "expr/utf8.h"
#include "expr/value_text.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

Value ToText(Context& context, Arguments arguments) {
  if (arguments[0].IsString()) return arguments[0];
  std::string& text = context.scratch();
  AppendPrinted(context, text, arguments[0]);
  return context.NewString(text);
}

bool Contains(std::string_view set, char32_t code) {
  for (std::size_t at = 0; at < set.size();) {
    const Rune rune = DecodeRune(set.substr(at));
    if (rune.code == code) return true;
    at += rune.length;
  }
  return false;
}

Value Trim(Context& context, Arguments arguments) {
  std::string_view text = StringArgument(context, arguments, 0, "trim");
  if (arguments.size() == 1) return TrimText(text);
  const std::string_view set = StringArgument(context, arguments, 1, "trim");
  while (!text.empty() && Contains(set, DecodeRune(text).code)) {
    text.remove_prefix(DecodeRune(text).length);
  }
  while (!text.empty() && Contains(set, DecodeLastRune(text).code)) {
    text.remove_suffix(DecodeLastRune(text).length);
  }
  return Value::String(text);
}

Value TrimPrefix(Context& context, Arguments arguments) {
  std::string_view text = StringArgument(context, arguments, 0, "trimPrefix");
  const std::string_view prefix =
      arguments.size() > 1 ? StringArgument(context, arguments, 1, "trimPrefix") : " ";
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return Value::String(text);
}

Value TrimSuffix(Context& context, Arguments arguments) {
  std::string_view text = StringArgument(context, arguments, 0, "trimSuffix");
  const std::string_view suffix =
      arguments.size() > 1 ? StringArgument(context, arguments, 1, "trimSuffix") : " ";
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return Value::String(text);
}

Value Upper(Context& context, Arguments arguments) {
  return UpperText(context, StringArgument(context, arguments, 0, "upper"));
}
Value Lower(Context& context, Arguments arguments) {
  return LowerText(context, StringArgument(context, arguments, 0, "lower"));
}

Value SplitWith(Context& context, Arguments arguments, std::string_view function, bool after) {
  const std::string_view text = StringArgument(context, arguments, 0, function);
  const std::string_view separator = StringArgument(context, arguments, 1, function);
  const std::int64_t limit = arguments.size() > 2 ? AsIndex(context, arguments[2]) : -1;
  return SplitText(context, text, separator, limit, after);
}
Value Split(Context& context, Arguments arguments) {
  return SplitWith(context, arguments, "split", false);
}
Value SplitAfter(Context& context, Arguments arguments) {
  return SplitWith(context, arguments, "splitAfter", true);
}

Value Replace(Context& context, Arguments arguments) {
  const std::string_view text = StringArgument(context, arguments, 0, "replace");
  const std::string_view from = StringArgument(context, arguments, 1, "replace");
  const std::string_view to = StringArgument(context, arguments, 2, "replace");
  const std::int64_t limit = arguments.size() > 3 ? AsIndex(context, arguments[3]) : -1;
  return ReplaceText(context, text, from, to, limit);
}

Value Repeat(Context& context, Arguments arguments) {
  const std::string_view text = StringArgument(context, arguments, 0, "repeat");
  const std::int64_t count = AsIndex(context, arguments[1]);
  if (count < 0) return context.Fail("repeat: the count is negative");
  constexpr std::int64_t kMost = 1'000'000;
  const auto times = static_cast<std::size_t>(std::min(count, kMost + 1));
  if (!context.Charge(count > kMost ? UINT64_MAX : text.size() * times)) return Value::Nil();
  std::string& repeated = context.scratch();
  for (std::size_t i = 0; i < times && !text.empty(); ++i) repeated += text;
  return context.NewString(repeated);
}

Value Join(Context& context, Arguments arguments) {
  const std::string_view glue =
      arguments.size() > 1 ? StringArgument(context, arguments, 1, "join") : "";
  const Value& array = arguments[0];
  const bool fits = array.IsArray() &&
                    (array.array_of() == ArrayOf::kAny || array.array_of() == ArrayOf::kString);
  if (!fits) return FailArgument(context, "join", "an array of strings", array);
  std::string& joined = context.scratch();
  for (std::size_t i = 0; i < array.size && context.Fits(joined); ++i) {
    if (i > 0) joined += glue;
    joined += StringArgument(context, array.array(), i, "join");
  }
  return context.NewString(joined);
}

Value Position(std::size_t at) {
  return Value::Int(at == std::string_view::npos ? -1 : static_cast<std::int64_t>(at));
}
Value IndexOf(Context& context, Arguments arguments) {
  const std::string_view text = StringArgument(context, arguments, 0, "indexOf");
  return Position(text.find(StringArgument(context, arguments, 1, "indexOf")));
}
Value LastIndexOf(Context& context, Arguments arguments) {
  const std::string_view text = StringArgument(context, arguments, 0, "lastIndexOf");
  return Position(text.rfind(StringArgument(context, arguments, 1, "lastIndexOf")));
}
Value HasPrefix(Context& context, Arguments arguments) {
  const std::string_view text = StringArgument(context, arguments, 0, "hasPrefix");
  return Value::Bool(text.starts_with(StringArgument(context, arguments, 1, "hasPrefix")));
}
Value HasSuffix(Context& context, Arguments arguments) {
  const std::string_view text = StringArgument(context, arguments, 0, "hasSuffix");
  return Value::Bool(text.ends_with(StringArgument(context, arguments, 1, "hasSuffix")));
}

}  // namespace

std::span<const Function> StringFunctions() {
  static const Function functions[] = {
      {"string", ToText, Rule::kOverloads, {"*"}, TypeKind::kString},
      {"trim", Trim, Rule::kOverloads, {"s", "ss"}, TypeKind::kString},
      {"trimPrefix", TrimPrefix, Rule::kOverloads, {"ss", "s"}, TypeKind::kString},
      {"trimSuffix", TrimSuffix, Rule::kOverloads, {"ss", "s"}, TypeKind::kString},
      {"upper", Upper, Rule::kOverloads, {"s"}, TypeKind::kString},
      {"lower", Lower, Rule::kOverloads, {"s"}, TypeKind::kString},
      {"split", Split, Rule::kOverloads, {"ss", "ssi"}, TypeKind::kStrings},
      {"splitAfter", SplitAfter, Rule::kOverloads, {"ss", "ssi"}, TypeKind::kStrings},
      {"replace", Replace, Rule::kOverloads, {"sssi", "sss"}, TypeKind::kString},
      {"repeat", Repeat, Rule::kOverloads, {"si"}, TypeKind::kString},
      {"join", Join, Rule::kOverloads, {"Ss", "as", "a", "S"}, TypeKind::kString},
      {"indexOf", IndexOf, Rule::kOverloads, {"ss"}, TypeKind::kInt},
      {"lastIndexOf", LastIndexOf, Rule::kOverloads, {"ss"}, TypeKind::kInt},
      {"hasPrefix", HasPrefix, Rule::kOverloads, {"ss"}, TypeKind::kBool},
      {"hasSuffix", HasSuffix, Rule::kOverloads, {"ss"}, TypeKind::kBool},
  };
  return functions;
}

}  // namespace penstock::expr
