#include "expr/lexer.h"

#include "base/format.h"
#include "expr/string_literal.h"
#include "expr/utf8.h"

namespace penstock::expr {

namespace {

bool IsWordRune(char32_t code) {
  return code == '_' || code == '$' || IsLetter(code) || IsDigit(code);
}

bool IsNegatable(std::string_view word) {
  return word == "in" || word == "matches" || word == "contains" || word == "startsWith" ||
         word == "endsWith";
}

bool IsWordOperator(std::string_view word) {
  return IsNegatable(word) || word == "or" || word == "and" || word == "let" || word == "if" ||
         word == "else" || word == "not";
}

class Lexer {
 public:
  Lexer(std::string_view source, std::vector<Token>& tokens) : source_(source), tokens_(tokens) {}

  Fault Run() {
    while (!fault_ && at_ < source_.size()) Next();
    if (!fault_) tokens_.push_back({TokenKind::kEnd, source_.size(), ""});
    return fault_;
  }

 private:
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  bool AtDigit(std::size_t ahead = 0) const { return Peek(ahead) >= '0' && Peek(ahead) <= '9'; }
  bool AtOneOf(std::string_view set) const {
    return at_ < source_.size() && set.find(source_[at_]) != std::string_view::npos;
  }
  bool Accept(std::string_view set) {
    if (!AtOneOf(set)) return false;
    ++at_;
    return true;
  }
  void AcceptRun(std::string_view set) {
    while (Accept(set)) {
    }
  }
  void Fail(std::size_t at, std::string message) {
    if (!fault_) fault_ = SourceError{at, std::move(message)};
  }
  void Emit(TokenKind kind, std::size_t from) {
    tokens_.push_back({kind, from, std::string(source_.substr(from, at_ - from))});
  }

  void Next() {
    const Rune rune = DecodeRune(source_.substr(at_));
    if (IsSpace(rune.code)) {
      at_ += rune.length;
    } else if (rune.code == '\'' || rune.code == '"') {
      Quoted();
    } else if (rune.code == '`') {
      Raw();
    } else if (AtDigit() || (rune.code == '.' && AtDigit(1))) {
      Number();
    } else if (source_.substr(at_, 2) == "//") {
      at_ = std::min(source_.find('\n', at_), source_.size());
    } else if (source_.substr(at_, 2) == "/*") {
      Comment();
    } else if (IsWordRune(rune.code)) {
      Word();
    } else {
      Symbol(rune);
    }
  }

  void Comment() {
    const std::size_t end = source_.find("*/", at_ + 2);
    if (end == std::string_view::npos) return Fail(at_, "this comment has no end: */ is missing");
    at_ = end + 2;
  }

  void Symbol(const Rune& rune) {
    const std::size_t from = at_;
    ++at_;
    switch (rune.code) {
      case '(':
      case '[':
      case '{':
      case ')':
      case ']':
      case '}':
        return Emit(TokenKind::kBracket, from);
      case ',':
      case ';':
      case '%':
      case '+':
      case '-':
      case '^':
      case '/':
        return Emit(TokenKind::kOperator, from);
      case '|':
        Accept("|");
        return Emit(TokenKind::kOperator, from);
      case ':':
        Accept(":");
        return Emit(TokenKind::kOperator, from);
      case '.':
        Accept(".");
        return Emit(TokenKind::kOperator, from);
      case '?':
        Accept(".?");
        return Emit(TokenKind::kOperator, from);
      case '&':
      case '!':
      case '=':
      case '*':
      case '<':
      case '>':
        Accept("&=*");
        return Emit(TokenKind::kOperator, from);
      case '#':
        return Pointer(from);
      default:
        Fail(from, fmt::format("the character '{}' has no meaning here",
                               source_.substr(from, rune.length)));
    }
  }

  // `#` or `##`, and the name right behind it as a token of its own.
  void Pointer(std::size_t from) {
    Accept("#");
    Emit(TokenKind::kOperator, from);
    const std::size_t name = at_;
    SkipWord();
    if (at_ > name) Emit(TokenKind::kName, name);
  }

  void SkipWord() {
    while (at_ < source_.size()) {
      const Rune rune = DecodeRune(source_.substr(at_));
      if (!IsWordRune(rune.code)) return;
      at_ += rune.length;
    }
  }

  void Word() {
    const std::size_t from = at_;
    SkipWord();
    const std::string_view word = source_.substr(from, at_ - from);
    Emit(IsWordOperator(word) ? TokenKind::kOperator : TokenKind::kName, from);
  }

  void Number() {
    const std::size_t from = at_;
    std::string_view digits = "0123456789_";
    if (Accept("0")) {
      if (Accept("xX")) {
        digits = "0123456789abcdefABCDEF_";
      } else if (Accept("oO")) {
        digits = "01234567_";
      } else if (Accept("bB")) {
        digits = "01_";
      }
    }
    AcceptRun(digits);
    // Two dots are a range.
    if (Peek() == '.' && Peek(1) == '.') return Emit(TokenKind::kNumber, from);
    if (Accept(".")) AcceptRun(digits);
    if (Accept("eE")) {
      Accept("+-");
      AcceptRun(digits);
    }
    const Rune next = DecodeRune(source_.substr(at_));
    if (next.length > 0 && IsWordRune(next.code)) {
      return Fail(from, fmt::format("'{}' is not a number",
                                    source_.substr(from, at_ + next.length - from)));
    }
    Emit(TokenKind::kNumber, from);
  }

  void Quoted() {
    const std::size_t from = at_;
    std::string value;
    if (Fault fault = ReadQuoted(source_, at_, value)) {
      fault_ = std::move(fault);
      return;
    }
    tokens_.push_back({TokenKind::kString, from, std::move(value)});
  }

  void Raw() {
    const std::size_t from = at_;
    std::string value;
    for (++at_; at_ < source_.size(); ++at_) {
      if (source_[at_] == '`') {
        ++at_;
        if (Peek() != '`') {
          tokens_.push_back({TokenKind::kString, from, std::move(value)});
          return;
        }
      }
      value += source_[at_];
    }
    Fail(from, "this text has no end: a closing ` is missing");
  }

  std::string_view source_;
  std::vector<Token>& tokens_;
  std::size_t at_ = 0;
  Fault fault_;
};

}  // namespace

Fault Tokenize(std::string_view source, std::vector<Token>& tokens) {
  return Lexer(source, tokens).Run();
}

bool IsIdentifier(std::string_view text) {
  const Rune first = DecodeRune(text);
  if (first.length == 0 || IsDigit(first.code)) return false;
  for (std::size_t at = 0; at < text.size();) {
    const Rune rune = DecodeRune(text.substr(at));
    if (!IsWordRune(rune.code)) return false;
    at += rune.length;
  }
  return true;
}

}  // namespace penstock::expr
