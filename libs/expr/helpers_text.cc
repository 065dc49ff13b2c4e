#include <cmath>

#include "base/format.h"
#include "expr/arguments.h"
#include "expr/compare.h"
#include "expr/function.h"
#include "expr/number_text.h"
#include "expr/text_operations.h"
#include "expr/time_layout.h"
#include "expr/time_value.h"
#include "expr/value_text.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

Value ToText(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "toString")) return Value::Nil();
  return Value::String(TextOf(context, arguments[0]));
}

Value Upper(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "upper")) return Value::Nil();
  return UpperText(context, TextOf(context, arguments[0]));
}
Value Lower(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "lower")) return Value::Nil();
  return LowerText(context, TextOf(context, arguments[0]));
}
Value Trim(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "trim")) return Value::Nil();
  return TrimText(TextOf(context, arguments[0]));
}

// Text and part; an empty text contains nothing, not even the empty part.
template <typename Test>
Value TestText(Context& context, Arguments arguments, std::string_view function, Test test) {
  if (!AtLeast(context, arguments, 2, function)) return Value::Nil();
  const std::string_view text = TextOf(context, arguments[0]);
  if (text.empty()) return Value::Bool(false);
  return Value::Bool(test(text, TextOf(context, arguments[1])));
}
Value ContainsStr(Context& context, Arguments arguments) {
  return TestText(context, arguments, "containsStr",
                  [](auto text, auto part) { return text.find(part) != text.npos; });
}
Value HasPrefix(Context& context, Arguments arguments) {
  return TestText(context, arguments, "hasPrefix",
                  [](auto text, auto part) { return text.starts_with(part); });
}
Value HasSuffix(Context& context, Arguments arguments) {
  return TestText(context, arguments, "hasSuffix",
                  [](auto text, auto part) { return text.ends_with(part); });
}

Value Split(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 2, "split")) return Value::Nil();
  const std::string_view text = TextOf(context, arguments[0]);
  if (text.empty()) return Value::String("");
  return SplitText(context, text, TextOf(context, arguments[1]), -1, false);
}

bool IsListed(const Value& array) {
  return array.IsArray() && array.array_of() == ArrayOf::kAny;
}

Value Join(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 2, "join")) return Value::Nil();
  const Value& array = arguments[0];
  if (!IsListed(array) && !(array.IsArray() && array.array_of() == ArrayOf::kString)) {
    return Value::String("");
  }
  const std::string_view glue = TextOf(context, arguments[1]);
  std::string& joined = context.scratch();
  for (std::size_t i = 0; i < array.size && context.Fits(joined); ++i) {
    if (i > 0) joined += glue;
    AppendConverted(joined, array.items[i]);
  }
  return context.NewString(joined);
}

Value Replace(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 3, "replace")) return Value::Nil();
  const std::string_view text = TextOf(context, arguments[0]);
  if (text.empty()) return Value::String("");
  return ReplaceText(context, text, TextOf(context, arguments[1]), TextOf(context, arguments[2]),
                     -1);
}

// Rounded down, where there is no integer; 0 for what is no number at all.
Value ToInt(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "toInt")) return Value::Nil();
  const Value& value = arguments[0];
  std::optional<double> number;
  if (value.kind == Kind::kInt) return value;
  if (value.kind == Kind::kWide) {
    if (const auto integer = TruncatedNumber(value)) return Value::Int(*integer);
    number = value.AsDouble();
  } else if (value.kind == Kind::kFloat) {
    number = value.number;
  } else {
    const std::string_view text = TextOf(context, value);
    if (const auto integer = ParseInteger(text, 10)) return Value::Int(*integer);
    number = ParseFloat(text);
  }
  if (!number) return Value::Int(0);
  if (const auto integer = Truncated(std::floor(*number))) return Value::Int(*integer);
  return context.Fail("toInt: this number is beyond the integers of 64 bits");
}

Value ToFloat(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "toFloat")) return Value::Nil();
  const Value& value = arguments[0];
  if (value.kind == Kind::kFloat || value.kind == Kind::kWide) return value;
  return Value::Float(ParseFloat(TextOf(context, value)).value_or(0));
}

Value ParseIso8601(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "parseISO8601")) return Value::Nil();
  const std::string_view text = TextOf(context, arguments[0]);
  constexpr std::string_view kLayouts[] = {"2006-01-02 15:04:05.000000",
                                           "2006-01-02T15:04:05.000000Z", "2006-01-02T15:04:05Z",
                                           "2006-01-02T15:04:05Z07:00"};
  for (const std::string_view layout : kLayouts) {
    if (text.empty()) break;
    if (const auto time = ParseLayout(layout, text, nullptr)) return Value::Int(time->seconds);
  }
  return Value::Int(0);
}

Value ToDate(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "toDate")) return Value::Nil();
  const Value& value = arguments[0];
  Time time;
  if (value.kind == Kind::kTime) {
    time = *value.time;
  } else if (value.kind == Kind::kInt || value.kind == Kind::kFloat || value.kind == Kind::kWide) {
    const auto seconds = TruncatedNumber(value);
    if (!seconds) return context.Fail("toDate: this number is beyond the integers of 64 bits");
    time.seconds = *seconds;
  } else {
    return Value::Int(0);
  }
  std::string& text = context.scratch();
  AppendLayout(text, time, "2006-01-02");
  return context.NewString(text);
}

// The first that is neither nil nor an empty text, as a text. An array as first argument stands for
// its items.
Value Waterfall(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "waterfall")) return Value::Nil();
  if (IsListed(arguments[0])) arguments = arguments[0].array();
  for (const Value& value : arguments) {
    if (value.kind == Kind::kNil || (value.IsString() && value.size == 0)) continue;
    if (value.IsString()) return value;
    std::string& text = context.scratch();
    AppendPrinted(context, text, value);
    return context.failed() ? Value::Nil() : context.NewString(text);
  }
  return Value::String("");
}

Value Keys(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "keys")) return Value::Nil();
  const Value& map = arguments[0];
  if (!map.IsTextMap()) return Value::Array({}, ArrayOf::kString);
  Value* const keys = context.NewItems(map.size);
  if (keys == nullptr) return Value::Nil();
  for (std::size_t i = 0; i < map.size; ++i) keys[i] = map.entries[i].key;
  return Value::Array({keys, map.size}, ArrayOf::kString);
}

Value HasKeyPrefix(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 2, "hasKeyPrefix")) return Value::Nil();
  if (!arguments[0].IsTextMap() || !IsListed(arguments[1])) return Value::Bool(false);
  for (const Value& item : arguments[1].array()) {
    const std::string_view prefix = TextOf(context, item);
    for (const Entry& entry : arguments[0].map()) {
      if (entry.key.string().starts_with(prefix)) return Value::Bool(true);
    }
    if (!context.Work(arguments[0].size)) return Value::Nil();
  }
  return Value::Bool(false);
}

Value HasAnyKey(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 2, "hasAnyKey")) return Value::Nil();
  if (!arguments[0].IsTextMap() || !IsListed(arguments[1])) return Value::Bool(false);
  for (const Value& item : arguments[1].array()) {
    const std::string_view key = TextOf(context, item);
    if (!key.empty() && FindText(arguments[0], key) != nullptr) return Value::Bool(true);
  }
  return Value::Bool(false);
}

}  // namespace

std::span<const Function> TextHelpers() {
  static const Function functions[] = {
      {"toString", ToText, Rule::kAnything},
      {"upper", Upper, Rule::kAnything},
      {"lower", Lower, Rule::kAnything},
      {"trim", Trim, Rule::kAnything},
      {"containsStr", ContainsStr, Rule::kAnything},
      {"hasPrefix", HasPrefix, Rule::kAnything},
      {"hasSuffix", HasSuffix, Rule::kAnything},
      {"split", Split, Rule::kAnything},
      {"join", Join, Rule::kAnything},
      {"replace", Replace, Rule::kAnything},
      {"toInt", ToInt, Rule::kAnything},
      {"toFloat", ToFloat, Rule::kAnything},
      {"parseISO8601", ParseIso8601, Rule::kAnything},
      {"toDate", ToDate, Rule::kAnything},
      {"waterfall", Waterfall, Rule::kAnything},
      {"keys", Keys, Rule::kAnything},
      {"hasKeyPrefix", HasKeyPrefix, Rule::kAnything},
      {"hasAnyKey", HasAnyKey, Rule::kAnything},
  };
  return functions;
}

}  // namespace penstock::expr
