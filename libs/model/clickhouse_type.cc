#include "model/clickhouse_type.h"

#include <charconv>
#include <utility>

namespace penstock {

namespace {

constexpr int kMaxDepth = 64;

bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

void AppendQuoted(std::string& out, std::string_view text, char quote) {
  out.push_back(quote);
  for (const char c : text) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\0':
        out += "\\0";
        break;
      default:
        if (c == quote || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
  }
  out.push_back(quote);
}

char Unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case '0':
      return '\0';
    default:
      return c;
  }
}

// Recursive descent; the first fault ends it.
class TypeParser {
 public:
  explicit TypeParser(std::string_view text) : text_(text) {}

  Result<ClickHouseType> Parse() {
    PENSTOCK_ASSIGN_OR_RETURN(ClickHouseType type, Type(0));
    if (at_ != text_.size()) return Expected("the end of the type");
    return type;
  }

 private:
  Result<ClickHouseType> Type(int depth) {
    if (depth > kMaxDepth) return Expected("a type nested no deeper than 64");
    if (at_ == text_.size() || !IsWordStart(text_[at_])) return Expected("the name of a type");
    return TypeNamed(Word(), depth);
  }

  Result<ClickHouseType> TypeNamed(std::string name, int depth) {
    ClickHouseType type{std::move(name), {}};
    const std::size_t after_name = at_;
    SkipBlanks();
    if (!Take('(')) {
      at_ = after_name;
      return type;
    }
    SkipBlanks();
    if (Take(')')) return type;
    for (;;) {
      PENSTOCK_ASSIGN_OR_RETURN(TypeArgument argument, Argument(depth + 1));
      type.arguments.push_back(std::move(argument));
      SkipBlanks();
      if (Take(')')) return type;
      if (!Take(',')) return Expected("',' or ')'");
      SkipBlanks();
    }
  }

  Result<TypeArgument> Argument(int depth) {
    if (at_ == text_.size()) return Expected("an argument");
    const char c = text_[at_];
    if (c == '\'') return TextOrEnumValue();
    if (IsDigit(c) || c == '-' || c == '+') return Number();
    if (c == '`' || c == '"') {
      PENSTOCK_ASSIGN_OR_RETURN(std::string name, Quoted());
      return NamedType(std::move(name), depth);
    }
    if (!IsWordStart(c)) return Expected("a type, a number or a text in quotes");
    return WordArgument(depth);
  }

  // A word starts a type, a setting, a skipped path, or the name of a named type.
  Result<TypeArgument> WordArgument(int depth) {
    if (depth > kMaxDepth) return Expected("a type nested no deeper than 64");
    std::string word = Path();
    const std::size_t after_word = at_;
    SkipBlanks();
    if (Take('=')) return Setting(std::move(word));
    const bool more = at_ > after_word && at_ < text_.size() &&
                      (IsWordStart(text_[at_]) || text_[at_] == '`' || text_[at_] == '\'');
    if (more && word == "SKIP") return Skip();
    if (more) return NamedType(std::move(word), depth);
    at_ = after_word;
    TypeArgument argument;
    PENSTOCK_ASSIGN_OR_RETURN(ClickHouseType type, TypeNamed(std::move(word), depth));
    argument.type.push_back(std::move(type));
    return argument;
  }

  Result<TypeArgument> NamedType(std::string name, int depth) {
    SkipBlanks();
    TypeArgument argument;
    argument.kind = TypeArgument::Kind::kNamedType;
    argument.text = std::move(name);
    PENSTOCK_ASSIGN_OR_RETURN(ClickHouseType type, Type(depth));
    argument.type.push_back(std::move(type));
    return argument;
  }

  Result<TypeArgument> Setting(std::string name) {
    SkipBlanks();
    PENSTOCK_ASSIGN_OR_RETURN(TypeArgument argument, Number());
    argument.kind = TypeArgument::Kind::kSetting;
    argument.text = std::move(name);
    return argument;
  }

  Result<TypeArgument> Skip() {
    TypeArgument argument;
    argument.kind = TypeArgument::Kind::kSkip;
    if (text_[at_] != '`') {
      argument.text = Path();
      if (argument.text != "REGEXP") return argument;
      SkipBlanks();
      argument.kind = TypeArgument::Kind::kSkipRegexp;
    }
    if (at_ == text_.size()) return Expected("what to skip");
    PENSTOCK_ASSIGN_OR_RETURN(argument.text, Quoted());
    return argument;
  }

  Result<TypeArgument> TextOrEnumValue() {
    PENSTOCK_ASSIGN_OR_RETURN(std::string text, Quoted());
    const std::size_t after_text = at_;
    TypeArgument argument;
    SkipBlanks();
    if (Take('=')) {
      SkipBlanks();
      PENSTOCK_ASSIGN_OR_RETURN(argument, Number());
      argument.kind = TypeArgument::Kind::kEnumValue;
    } else {
      at_ = after_text;
      argument.kind = TypeArgument::Kind::kText;
    }
    argument.text = std::move(text);
    return argument;
  }

  Result<TypeArgument> Number() {
    const std::size_t start = at_;
    if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
    if (at_ == text_.size() || !IsDigit(text_[at_])) return Expected("a number");
    while (at_ < text_.size() && (IsDigit(text_[at_]) || text_[at_] == '.')) ++at_;
    TypeArgument argument;
    argument.kind = TypeArgument::Kind::kNumber;
    argument.text = std::string(text_.substr(start, at_ - start));
    const char* from = text_.data() + start + (text_[start] == '+' ? 1 : 0);
    std::from_chars(from, text_.data() + at_, argument.number);
    return argument;
  }

  // A quoted text or identifier; its quotes may be doubled or escaped.
  Result<std::string> Quoted() {
    const char quote = text_[at_];
    if (quote != '\'' && quote != '`' && quote != '"') return Expected("a text in quotes");
    const std::size_t start = at_++;
    std::string text;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '\\' && at_ < text_.size()) {
        text.push_back(Unescaped(text_[at_++]));
      } else if (c != quote) {
        text.push_back(c);
      } else if (at_ < text_.size() && text_[at_] == quote) {
        text.push_back(c);
        ++at_;
      } else {
        return text;
      }
    }
    at_ = start;
    return Expected("a text whose quote is closed");
  }

  std::string Word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (IsWordStart(text_[at_]) || IsDigit(text_[at_]))) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  // A word, or the words with dots in between that JSON's paths are made of.
  std::string Path() {
    const std::size_t start = at_;
    while (at_ < text_.size() &&
           (IsWordStart(text_[at_]) || IsDigit(text_[at_]) || text_[at_] == '.'))
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  void SkipBlanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t'))
      ++at_;
  }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Error Expected(std::string_view what) const {
    const std::string found =
        at_ == text_.size() ? "its end" : fmt::format("'{}'", text_.substr(at_, 1));
    return Error{Remedy::kStop, "type",
                 fmt::format("type \"{}\", position {}: expected {}, found {}",
                             text_.substr(0, 200), at_ + 1, what, found)};
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

bool IsPlainName(std::string_view name) {
  if (name.empty() || !IsWordStart(name.front())) return false;
  for (const char c : name) {
    if (!IsWordStart(c) && !IsDigit(c) && c != '.') return false;
  }
  return true;
}

void AppendName(std::string& out, std::string_view name) {
  if (IsPlainName(name)) {
    out += name;
  } else {
    AppendQuoted(out, name, '`');
  }
}

void AppendType(std::string& out, const ClickHouseType& type);

void AppendArgument(std::string& out, const TypeArgument& argument) {
  switch (argument.kind) {
    case TypeArgument::Kind::kType:
      break;
    case TypeArgument::Kind::kNumber:
      out += argument.text;
      break;
    case TypeArgument::Kind::kText:
      AppendQuoted(out, argument.text, '\'');
      break;
    case TypeArgument::Kind::kNamedType:
      AppendName(out, argument.text);
      out.push_back(' ');
      break;
    case TypeArgument::Kind::kEnumValue:
      AppendQuoted(out, argument.text, '\'');
      out += fmt::format(" = {}", argument.number);
      break;
    case TypeArgument::Kind::kSetting:
      out += fmt::format("{}={}", argument.text, argument.number);
      break;
    case TypeArgument::Kind::kSkip:
      out += "SKIP ";
      AppendName(out, argument.text);
      break;
    case TypeArgument::Kind::kSkipRegexp:
      out += "SKIP REGEXP ";
      AppendQuoted(out, argument.text, '\'');
      break;
  }
  for (const ClickHouseType& type : argument.type) AppendType(out, type);
}

void AppendType(std::string& out, const ClickHouseType& type) {
  out += type.name;
  if (type.arguments.empty()) return;
  out.push_back('(');
  for (std::size_t i = 0; i < type.arguments.size(); ++i) {
    if (i > 0) out += ", ";
    AppendArgument(out, type.arguments[i]);
  }
  out.push_back(')');
}

}  // namespace

Result<ClickHouseType> ParseClickHouseType(std::string_view text) {
  return TypeParser(text).Parse();
}

std::string ToText(const ClickHouseType& type) {
  std::string out;
  AppendType(out, type);
  return out;
}

std::string QuoteIdentifier(std::string_view name) {
  std::string out;
  AppendQuoted(out, name, '`');
  return out;
}

std::string QuoteText(std::string_view text) {
  std::string out;
  AppendQuoted(out, text, '\'');
  return out;
}

}  // namespace penstock
