#include <algorithm>

#include "base/format.h"
#include "expr/arguments.h"
#include "expr/compare.h"
#include "expr/function.h"
#include "expr/text_operations.h"
#include "expr/value_text.h"

namespace penstock::expr {

namespace {

using Arguments = std::span<const Value>;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// %41 is A, + is a space. False: an escape is none.
bool Unescape(Context& context, std::string_view text, Value& value) {
  if (text.find_first_of("%+") == std::string_view::npos) {
    value = Value::String(text);
    return true;
  }
  std::string& plain = context.scratch();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return false;
      plain += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  value = context.NewString(plain);
  return true;
}

Value UrlDecode(Context& context, Arguments arguments) {
  if (arguments.size() != 1) {
    return context.Fail(fmt::format("urlDecode takes 1 argument, found {}", arguments.size()));
  }
  if (!arguments[0].IsString()) return Value::String("");
  Value plain;
  if (Unescape(context, arguments[0].string(), plain)) return plain;
  return context.Fail(
      fmt::format("urlDecode: '{}' has a % that is not followed by two hexadecimal "
                  "digits",
                  arguments[0].string().substr(0, 60)));
}

// Pairs by key; a key that comes several times has an array. Empty when anything is wrong.
Value Parsed(Context& context, std::string_view query) {
  std::vector<Value>& stack = context.stack();
  const std::size_t base = stack.size();
  bool good = true;
  while (!query.empty() && good) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    Value key;
    Value value;
    if (!context.Room((stack.size() - base) * sizeof(Value))) return Value::Nil();
    good = pair.find(';') == std::string_view::npos &&
           Unescape(context, pair.substr(0, equals), key) &&
           Unescape(context, pair.substr(std::min(equals + 1, pair.size())), value);
    stack.push_back(key);
    stack.push_back(value);
  }
  const std::size_t count = good ? (stack.size() - base) / 2 : 0;
  if (context.failed() || !context.Room(count * sizeof(Entry))) return Value::Nil();
  auto* const entries = context.arena().Make<Entry>(count);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i)
    entries[i] = {stack[base + 2 * i], stack[base + 2 * i + 1]};
  stack.resize(base);
  std::stable_sort(entries, entries + count,
                   [](const Entry& a, const Entry& b) { return a.key.string() < b.key.string(); });
  for (std::size_t begin = 0; begin < count;) {
    std::size_t end = begin + 1;
    while (end < count && entries[end].key.string() == entries[begin].key.string()) ++end;
    Entry entry = entries[begin];
    if (end - begin > 1) {
      Value* const values = context.NewItems(end - begin);
      if (values == nullptr) return Value::Nil();
      for (std::size_t i = begin; i < end; ++i) values[i - begin] = entries[i].value;
      entry.value = Value::Array({values, end - begin}, ArrayOf::kString);
    }
    entries[kept++] = entry;
    begin = end;
  }
  return Value::Map({entries, kept});
}

Value ParseQuery(Context& context, Arguments arguments) {
  if (arguments.empty()) return Value::Map({});
  return Parsed(context, TextOf(context, arguments[0]));
}

Value Parameter(Context& context, Arguments arguments, std::string_view function) {
  if (!AtLeast(context, arguments, 2, function)) return Value::Nil();
  const Value parsed = Parsed(context, TextOf(context, arguments[0]));
  if (context.failed()) return Value::Nil();
  const Value* const found = FindText(parsed, TextOf(context, arguments[1]));
  return found == nullptr ? Value::String("") : *found;
}
Value GetQueryParam(Context& context, Arguments arguments) {
  return Parameter(context, arguments, "getQueryParam");
}
Value GetNestedParam(Context& context, Arguments arguments) {
  return Parameter(context, arguments, "getNestedParam");
}

Value ExtractPathType(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 1, "extractPathType")) return Value::Nil();
  const std::string_view path = TextOf(context, arguments[0]);
  return Value::String(path == "/g/collect"      ? "collect"
                       : path == "/_/set_cookie" ? "set_cookie"
                                                 : "unknown");
}

// Words that a user agent may contain, and what they mean; the first one counts.
struct Sign {
  std::string_view word;
  std::string_view meaning;
};
constexpr Sign kBrowsers[] = {{"edg/", "Edge"},       {"chrome", "Chrome"}, {"crios", "Chrome"},
                              {"firefox", "Firefox"}, {"fxios", "Firefox"}, {"safari", "Safari"}};
constexpr Sign kSystems[] = {{"iphone", "iOS"},      {"ipad", "iOS"},        {"ipod", "iOS"},
                             {"android", "Android"}, {"windows", "Windows"}, {"mac os", "macOS"},
                             {"macintosh", "macOS"}, {"linux", "Linux"}};

std::string_view Meaning(std::string_view agent, std::span<const Sign> signs) {
  for (const Sign& sign : signs) {
    if (agent.find(sign.word) != std::string_view::npos) return sign.meaning;
  }
  return "Unknown";
}

std::string_view Device(std::string_view agent) {
  const auto has = [&](std::string_view word) {
    return agent.find(word) != std::string_view::npos;
  };
  if (has("ipad") || (has("android") && !has("mobile"))) return "Tablet";
  return has("mobile") || has("iphone") ? "Mobile" : "Desktop";
}

Value ParseUserAgent(Context& context, Arguments arguments) {
  if (!AtLeast(context, arguments, 2, "parseUserAgent")) return Value::Nil();
  const std::string_view text = TextOf(context, arguments[0]);
  if (text.empty()) return Value::String("");
  const Value agent = LowerText(context, text);
  if (context.failed()) return Value::Nil();
  const std::string_view part = TextOf(context, arguments[1]);
  if (part == "device") return Value::String(Device(agent.string()));
  if (part == "browser") return Value::String(Meaning(agent.string(), kBrowsers));
  if (part == "os") return Value::String(Meaning(agent.string(), kSystems));
  return Value::String("");
}

}  // namespace

std::span<const Function> QueryHelpers() {
  static const Function functions[] = {
      {"parseQuery", ParseQuery, Rule::kAnything},
      {"getQueryParam", GetQueryParam, Rule::kAnything},
      {"getNestedParam", GetNestedParam, Rule::kAnything},
      {"urlDecode", UrlDecode, Rule::kAnything},
      {"extractPathType", ExtractPathType, Rule::kAnything},
      {"parseUserAgent", ParseUserAgent, Rule::kAnything},
  };
  return functions;
}

}  // namespace penstock::expr
