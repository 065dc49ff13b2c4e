#include "expr/parser.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "expr/builtin_names.h"
#include "expr/lexer.h"
#include "expr/number_literal.h"
#include "expr/operators.h"

namespace penstock::expr {

namespace {

std::string Found(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "the end of the expression";
    case TokenKind::kString:
      return "a text";
    default:
      return fmt::format("'{}'", token.text);
  }
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, const IsOverridden& is_overridden, Tree& tree)
      : tokens_(std::move(tokens)), is_overridden_(is_overridden), tree_(tree) {}

  Fault Run() {
    tree_.root = Sequence();
    if (!fault_ && Current().kind != TokenKind::kEnd) {
      FailHere(fmt::format("expected an operator or the end of the expression, found {}",
                           Found(Current())));
    }
    return fault_;
  }

 private:
  // One step down; the destructor goes up again.
  class Level {
   public:
    explicit Level(Parser& parser) : parser_(parser) {
      if (++parser_.nesting_ > kMaxNesting) parser_.FailTooDeep();
    }
    ~Level() { --parser_.nesting_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& parser_;
  };

  const Token& Current() const { return tokens_[next_]; }
  bool AtOperator(std::string_view value) const { return Current().IsOperator(value); }
  bool AtBracket(std::string_view value) const { return Current().IsBracket(value); }
  void Advance() {
    if (next_ + 1 < tokens_.size()) ++next_;
  }
  bool TakeOperator(std::string_view value) {
    if (!AtOperator(value)) return false;
    Advance();
    return true;
  }
  bool TakeBracket(std::string_view value) {
    if (!AtBracket(value)) return false;
    Advance();
    return true;
  }

  void FailAt(std::size_t at, std::string message) {
    if (!fault_) fault_ = SourceError{at, std::move(message)};
  }
  void FailHere(std::string message) { FailAt(Current().at, std::move(message)); }
  // Out of line, as all functions are that an expression within an expression goes through: what
  // they format would take room on the stack at each level.
  [[gnu::noinline]] void FailTooDeep() {
    FailHere(fmt::format("nested too deeply: more than {} levels", kMaxNesting));
  }
  [[gnu::noinline]] void FailMixed(std::string_view op, std::string_view coalesce) {
    FailHere(
        fmt::format("'{}' may not follow '{}': put one of the two in parentheses", op, coalesce));
  }
  [[gnu::noinline]] void FailExpected(std::string_view what) {
    FailHere(fmt::format("expected {}, found {}", what, Found(Current())));
  }
  void ExpectBracket(std::string_view value) {
    if (!TakeBracket(value)) FailExpectedToken(value);
  }
  [[gnu::noinline]] void FailExpectedToken(std::string_view value) {
    FailExpected(fmt::format("'{}'", value));
  }
  void ExpectOperator(std::string_view value) {
    if (!TakeOperator(value)) FailExpectedToken(value);
  }
  const Token& ExpectName(std::string_view what) {
    const Token& token = Current();
    if (token.kind == TokenKind::kName) {
      Advance();
    } else {
      FailExpected(what);
    }
    return token;
  }

  // Children are never null: after a fault they are this node.
  Node* Broken() { return &broken_; }

  [[gnu::noinline]] Node* Make(NodeKind kind, std::size_t at, std::vector<Node*> children = {}) {
    if (fault_) return Broken();
    if (tree_.nodes.size() >= kMaxNodes) {
      FailAt(at, fmt::format("the expression is too long: more than {} parts", kMaxNodes));
      return Broken();
    }
    Node* const node = tree_.Add(kind, at);
    for (const Node* child : children) {
      if (child == nullptr) continue;
      node->depth = std::max(node->depth, child->depth + 1);
      node->size = std::min(node->size + child->size, kMaxTreeSize + 1);
    }
    if (node->size > kMaxTreeSize) FailAt(at, "the expression is too long when '?:' repeats parts");
    if (node->depth > kMaxTreeDepth) {
      FailAt(at, fmt::format("nested too deeply: more than {} levels", kMaxTreeDepth));
    }
    node->children = std::move(children);
    return node;
  }
  [[gnu::noinline]] Node* MakeText(NodeKind kind, std::size_t at, std::string_view text,
                                   std::vector<Node*> children = {}) {
    Node* const node = Make(kind, at, std::move(children));
    node->text = text;
    return node;
  }

  [[gnu::noinline]] Node* Sequence() {
    std::vector<Node*> nodes = {Expression(0)};
    while (!fault_ && TakeOperator(";")) {
      if (Current().kind == TokenKind::kEnd) break;
      nodes.push_back(Expression(0));
    }
    if (nodes.size() == 1) return nodes[0];
    const std::size_t at = nodes[0]->at;
    return Make(NodeKind::kSequence, at, std::move(nodes));
  }

  Node* Expression(int precedence) {
    const Level level(*this);
    if (fault_) return Broken();
    if (precedence == 0 && AtOperator("let")) return Declaration();
    if (precedence == 0 && AtOperator("if")) return If();
    Node* left = Primary();
    std::string_view previous;
    while (!fault_ && Current().kind == TokenKind::kOperator) {
      const bool negated = AtOperator("not");
      const Token& token = negated ? tokens_[next_ + 1] : Current();
      if (negated && !IsNegatable(token)) {
        Advance();
        FailExpected("in, contains, matches, startsWith or endsWith after 'not'");
        break;
      }
      const BinaryOperator* const op = FindBinary(token.text);
      if (op == nullptr || op->precedence < precedence) break;
      if (negated) Advance();
      if (previous == "??" && op->name != "??" && op->name != "|") {
        FailMixed(op->name, previous);
        break;
      }
      left = Operation(left, *op, negated);
      previous = op->name;
    }
    return precedence == 0 ? Conditional(left) : left;
  }

  static bool IsNegatable(const Token& token) {
    constexpr std::string_view kNegatable[] = {"contains", "matches", "startsWith", "endsWith",
                                               "in"};
    return token.kind == TokenKind::kOperator &&
           std::find(std::begin(kNegatable), std::end(kNegatable), token.text) !=
               std::end(kNegatable);
  }

  [[gnu::noinline]] Node* Operation(Node* left, const BinaryOperator& op, bool negated) {
    const std::size_t at = Current().at;
    Advance();
    if (op.name == "|") return Call(ExpectName("a function's name after '|'"), left, true);
    if (op.compares) return Comparison(left, op, at);
    Node* const right = Expression(op.right_associative ? op.precedence : op.precedence + 1);
    Node* const node = MakeText(NodeKind::kBinary, at, op.name, {left, right});
    return negated ? MakeText(NodeKind::kUnary, at, "not", {node}) : node;
  }

  // a < b < c is a < b && b < c.
  [[gnu::noinline]] Node* Comparison(Node* left, const BinaryOperator& first, std::size_t at) {
    const BinaryOperator* op = &first;
    Node* root = nullptr;
    for (;;) {
      Node* const right = Expression(op->precedence + 1);
      Node* const node = MakeText(NodeKind::kBinary, at, op->name, {left, right});
      root = root == nullptr ? node : MakeText(NodeKind::kBinary, at, "&&", {root, node});
      left = right;
      op = Current().kind == TokenKind::kOperator ? FindBinary(Current().text) : nullptr;
      if (fault_ || op == nullptr || !op->compares) return root;
      at = Current().at;
      Advance();
    }
  }

  [[gnu::noinline]] Node* Declaration() {
    Advance();
    const Token& name = ExpectName("a variable's name after 'let'");
    ExpectOperator("=");
    Node* const value = Expression(0);
    ExpectOperator(";");
    Node* const body = Sequence();
    return MakeText(NodeKind::kDeclaration, name.at, name.text, {value, body});
  }

  [[gnu::noinline]] Node* If() {
    const Level level(*this);
    const std::size_t at = Current().at;
    Advance();
    Node* const condition = Expression(0);
    ExpectBracket("{");
    Node* const yes = Sequence();
    ExpectBracket("}");
    ExpectOperator("else");
    Node* no = nullptr;
    if (!fault_ && AtOperator("if")) {
      no = If();
    } else {
      ExpectBracket("{");
      no = Sequence();
      ExpectBracket("}");
    }
    return Make(NodeKind::kConditional, at, {condition, yes, no});
  }

  [[gnu::noinline]] Node* Conditional(Node* condition) {
    while (!fault_ && AtOperator("?")) {
      const std::size_t at = Current().at;
      Advance();
      Node* yes = condition;
      if (!TakeOperator(":")) {
        yes = Expression(0);
        ExpectOperator(":");
      }
      Node* const no = Expression(0);
      condition = Make(NodeKind::kConditional, at, {condition, yes, no});
    }
    return condition;
  }

  [[gnu::noinline]] Node* Primary() {
    const Token& token = Current();
    if (token.kind == TokenKind::kOperator) {
      const int unary = UnaryPrecedence(token.text);
      if (unary > 0) {
        Advance();
        Node* const operand = Expression(unary);
        return Postfix(MakeText(NodeKind::kUnary, token.at, token.text, {operand}));
      }
    }
    if (TakeBracket("(")) {
      Node* const inner = Sequence();
      ExpectBracket(")");
      return fault_ ? Broken() : Postfix(inner);
    }
    if (predicates_ > 0 && (AtOperator("#") || AtOperator("."))) {
      std::string name;
      if (TakeOperator("#") && Current().kind == TokenKind::kName) {
        name = Current().text;
        Advance();
      }
      return Postfix(MakeText(NodeKind::kPointer, token.at, name));
    }
    if (TakeOperator("::")) {
      return Postfix(Call(ExpectName("a function's name after '::'"), nullptr, false));
    }
    return Secondary();
  }

  [[gnu::noinline]] Node* Secondary() {
    const Token& token = Current();
    switch (token.kind) {
      case TokenKind::kName:
        Advance();
        return Name(token);
      case TokenKind::kNumber:
        Advance();
        return Number(token);
      case TokenKind::kString:
        Advance();
        return Postfix(MakeText(NodeKind::kString, token.at, token.text));
      default:
        if (AtBracket("[")) return Postfix(Array());
        if (AtBracket("{")) return Postfix(Map());
        FailExpected("a value");
        return Broken();
    }
  }

  [[gnu::noinline]] Node* Name(const Token& token) {
    if (token.text == "true" || token.text == "false") {
      Node* const node = Make(NodeKind::kBool, token.at);
      node->boolean = token.text == "true";
      return node;
    }
    if (token.text == "nil") return Make(NodeKind::kNil, token.at);
    if (AtBracket("(")) return Postfix(Call(token, nullptr, true));
    return Postfix(MakeText(NodeKind::kIdentifier, token.at, token.text));
  }

  [[gnu::noinline]] Node* Number(const Token& token) {
    const NumberLiteral literal = ReadNumberLiteral(token.text);
    if (!literal.error.empty()) FailAt(token.at, literal.error);
    Node* const node = Make(literal.is_float ? NodeKind::kFloat : NodeKind::kInteger, token.at);
    node->number = literal.number;
    node->integer = literal.integer;
    return node;
  }

  // `first`: what the pipe put before the arguments.
  [[gnu::noinline]] Node* Call(const Token& name, Node* first, bool may_be_overridden) {
    if (fault_) return Broken();
    const bool overridden = may_be_overridden && is_overridden_(name.text);
    std::vector<Node*> arguments;
    if (first != nullptr) arguments.push_back(first);
    const PredicateBuiltin* const predicate = FindPredicateBuiltin(name.text);
    if (predicate != nullptr && !overridden) {
      PredicateArguments(*predicate, arguments);
      return MakeText(NodeKind::kBuiltin, name.at, name.text, std::move(arguments));
    }
    if (IsBuiltin(name.text) && !overridden) {
      Arguments(arguments);
      return MakeText(NodeKind::kBuiltin, name.at, name.text, std::move(arguments));
    }
    arguments.insert(arguments.begin(), MakeText(NodeKind::kIdentifier, name.at, name.text));
    Arguments(arguments);
    return Make(NodeKind::kCall, name.at, std::move(arguments));
  }

  [[gnu::noinline]] void PredicateArguments(const PredicateBuiltin& builtin,
                                            std::vector<Node*>& arguments) {
    ExpectBracket("(");
    const std::size_t given = arguments.size();
    for (std::size_t i = given; i < builtin.arguments && !fault_; ++i) {
      if (AtBracket(")")) {
        if (i >= builtin.required) break;
        FailHere(fmt::format("{} needs {} arguments", builtin.name, builtin.required));
      }
      if (i > given) ExpectOperator(",");
      arguments.push_back(i == 1 ? Predicate() : Expression(0));
    }
    TakeOperator(",");
    ExpectBracket(")");
  }

  [[gnu::noinline]] void Arguments(std::vector<Node*>& arguments) {
    ExpectBracket("(");
    bool first = true;
    while (!fault_ && !AtBracket(")")) {
      if (!first) ExpectOperator(",");
      if (AtBracket(")")) break;
      arguments.push_back(Expression(0));
      first = false;
    }
    ExpectBracket(")");
  }

  [[gnu::noinline]] Node* Predicate() {
    const std::size_t at = Current().at;
    const bool braces = TakeBracket("{");
    ++predicates_;
    Node* const body = braces ? Sequence() : Expression(0);
    --predicates_;
    if (braces) {
      ExpectBracket("}");
    } else if (AtOperator(";")) {
      FailHere("a condition of several parts must stand between { and }");
    }
    return Make(NodeKind::kPredicate, at, {body});
  }

  [[gnu::noinline]] Node* Array() {
    const std::size_t at = Current().at;
    Advance();
    std::vector<Node*> items;
    while (!fault_ && !AtBracket("]")) {
      if (!items.empty()) ExpectOperator(",");
      if (!items.empty() && AtBracket("]")) break;
      items.push_back(Expression(0));
    }
    ExpectBracket("]");
    return Make(NodeKind::kArray, at, std::move(items));
  }

  [[gnu::noinline]] Node* Map() {
    const std::size_t at = Current().at;
    Advance();
    std::vector<Node*> pairs;
    while (!fault_ && !AtBracket("}")) {
      if (!pairs.empty()) ExpectOperator(",");
      if (!pairs.empty() && AtBracket("}")) break;
      Node* const key = Key();
      ExpectOperator(":");
      Node* const value = Expression(0);
      pairs.push_back(Make(NodeKind::kPair, key->at, {key, value}));
    }
    ExpectBracket("}");
    return Make(NodeKind::kMap, at, std::move(pairs));
  }

  [[gnu::noinline]] Node* Key() {
    const Token& token = Current();
    if (token.kind == TokenKind::kNumber || token.kind == TokenKind::kString ||
        token.kind == TokenKind::kName) {
      Advance();
      return MakeText(NodeKind::kString, token.at, token.text);
    }
    if (AtBracket("(")) return Expression(0);
    FailExpected("a key: a name, a text, a number, or an expression in parentheses");
    return Broken();
  }

  [[gnu::noinline]] Node* Postfix(Node* node) {
    while (!fault_) {
      const bool optional = AtOperator("?.");
      if (optional || AtOperator(".")) {
        Advance();
        node = optional && AtBracket("[") ? Index(node, true) : Member(node, optional);
      } else if (AtBracket("[")) {
        node = Index(node, false);
      } else {
        break;
      }
    }
    return node;
  }

  [[gnu::noinline]] Node* Member(Node* base, bool optional) {
    const Token& name = Current();
    // Words such as `not` are names here.
    if (name.kind != TokenKind::kName &&
        (name.kind != TokenKind::kOperator || !IsIdentifier(name.text))) {
      FailExpected("a name");
      return Broken();
    }
    Advance();
    const bool chained = base->kind == NodeKind::kChain;
    if (chained) base = base->children[0];
    Node* const property = MakeText(NodeKind::kString, name.at, name.text);
    Node* node = Make(NodeKind::kMember, name.at, {base, property});
    node->optional = optional;
    if (AtBracket("(")) {
      std::vector<Node*> call = {node};
      Arguments(call);
      node = Make(NodeKind::kCall, name.at, std::move(call));
    }
    return chained || optional ? Make(NodeKind::kChain, name.at, {node}) : node;
  }

  [[gnu::noinline]] Node* Index(Node* base, bool optional) {
    const std::size_t at = Current().at;
    Advance();
    Node* from = nullptr;
    if (!AtOperator(":")) from = Expression(0);
    if (!fault_ && TakeOperator(":")) {
      Node* const to = AtBracket("]") ? nullptr : Expression(0);
      ExpectBracket("]");
      return Make(NodeKind::kSlice, at, {base, from, to});
    }
    ExpectBracket("]");
    Node* const node = Make(NodeKind::kMember, at, {base, from});
    node->optional = optional;
    return optional ? Make(NodeKind::kChain, at, {node}) : node;
  }

  std::vector<Token> tokens_;
  const IsOverridden& is_overridden_;
  Tree& tree_;
  std::size_t next_ = 0;
  int nesting_ = 0;
  int predicates_ = 0;
  Node broken_;
  Fault fault_;
};

}  // namespace

Fault Parse(std::string_view source, const IsOverridden& is_overridden, Tree& tree) {
  std::vector<Token> tokens;
  if (Fault fault = Tokenize(source, tokens)) return fault;
  return Parser(std::move(tokens), is_overridden, tree).Run();
}

}  // namespace penstock::expr
