#include "expr/fold.h"

#include <cmath>
#include <functional>

#include "expr/rewrite.h"

namespace penstock::expr {

namespace {

bool IsLiteral(const Node& node) {
  return node.kind == NodeKind::kInteger || node.kind == NodeKind::kFloat ||
         node.kind == NodeKind::kString || node.kind == NodeKind::kBool;
}
bool IsNumber(const Node& node) {
  return node.kind == NodeKind::kInteger || node.kind == NodeKind::kFloat;
}
double NumberOf(const Node& node) {
  return node.kind == NodeKind::kInteger ? static_cast<double>(node.integer) : node.number;
}

class Folder {
 public:
  explicit Folder(Tree& tree) : tree_(tree) {}

  // One walk, children first; nodes are replaced in place.
  bool Pass() {
    changed_ = false;
    VisitBottomUp(tree_.root, [this](Node*& node) { Visit(node); });
    return changed_ && !fault_;
  }
  const Fault& fault() const { return fault_; }

 private:
  Node* Literal(const Node& from, NodeKind kind, TypeKind type) {
    changed_ = true;
    Node* const made = tree_.Add(kind, from.at);
    made->type = type;
    return made;
  }
  void SetInteger(Node*& node, std::uint64_t value) {
    node = Literal(*node, NodeKind::kInteger, TypeKind::kInt);
    node->integer = static_cast<std::int64_t>(value);
  }
  void SetFloat(Node*& node, double value) {
    node = Literal(*node, NodeKind::kFloat, TypeKind::kFloat);
    node->number = value;
  }
  void SetBool(Node*& node, bool value) {
    node = Literal(*node, NodeKind::kBool, TypeKind::kBool);
    node->boolean = value;
  }
  void Replace(Node*& node, Node* by) {
    changed_ = true;
    by->type = node->type;
    node = by;
  }

  void Visit(Node*& node) {
    switch (node->kind) {
      case NodeKind::kUnary:
        return Unary(node);
      case NodeKind::kBinary:
        return Binary(node);
      case NodeKind::kArray:
        return Array(node);
      case NodeKind::kBuiltin:
        return FilterOfFilter(node);
      default:
        return;
    }
  }

  void Unary(Node*& node) {
    const Node& operand = *node->children[0];
    const bool minus = node->text == "-";
    if (minus || node->text == "+") {
      if (operand.kind == NodeKind::kInteger) {
        const auto value = static_cast<std::uint64_t>(operand.integer);
        SetInteger(node, minus ? 0 - value : value);
      } else if (operand.kind == NodeKind::kFloat) {
        SetFloat(node, minus ? -operand.number : operand.number);
      }
    } else if (operand.kind == NodeKind::kBool) {
      SetBool(node, !operand.boolean);
    }
  }

  void Binary(Node*& node) {
    const std::string_view op = node->text;
    Node& left = *node->children[0];
    Node& right = *node->children[1];
    if (op == "and" || op == "&&" || op == "or" || op == "||") {
      Logical(node, left, right, op == "or" || op == "||");
    } else if (op == "==") {
      Equality(node, left, right);
    } else if (op == "+" && left.kind == NodeKind::kString && right.kind == NodeKind::kString) {
      const std::string text = left.text + right.text;
      node = Literal(*node, NodeKind::kString, TypeKind::kString);
      node->text = text;
    } else if (IsNumber(left) && IsNumber(right)) {
      Arithmetic(node, left, right, op);
    }
  }

  // `decisive`: the operand that decides alone, true for `or`.
  void Logical(Node*& node, Node& left, Node& right, bool decisive) {
    const bool left_known = left.kind == NodeKind::kBool;
    const bool right_known = right.kind == NodeKind::kBool;
    if (left_known && left.boolean != decisive) {
      Replace(node, &right);
    } else if (right_known && right.boolean != decisive) {
      Replace(node, &left);
    } else if (left_known || right_known) {
      SetBool(node, decisive);
    }
  }

  void Equality(Node*& node, const Node& left, const Node& right) {
    if (left.kind != right.kind) return;
    if (left.kind == NodeKind::kInteger) SetBool(node, left.integer == right.integer);
    if (left.kind == NodeKind::kString) SetBool(node, left.text == right.text);
    if (left.kind == NodeKind::kBool) SetBool(node, left.boolean == right.boolean);
  }

  void Arithmetic(Node*& node, const Node& left, const Node& right, std::string_view op) {
    const bool integers = left.kind == NodeKind::kInteger && right.kind == NodeKind::kInteger;
    const auto a = static_cast<std::uint64_t>(left.integer);
    const auto b = static_cast<std::uint64_t>(right.integer);
    const double x = NumberOf(left);
    const double y = NumberOf(right);
    if (op == "+") return integers ? SetInteger(node, a + b) : SetFloat(node, x + y);
    if (op == "-") return integers ? SetInteger(node, a - b) : SetFloat(node, x - y);
    if (op == "*") return integers ? SetInteger(node, a * b) : SetFloat(node, x * y);
    if (op == "/") return SetFloat(node, x / y);
    if (op == "**" || op == "^") return SetFloat(node, std::pow(x, y));
    if (op == "%" && integers) Remainder(node, left.integer, right.integer);
  }

  void Remainder(Node*& node, std::int64_t dividend, std::int64_t divisor) {
    if (divisor == 0) {
      if (!fault_) fault_ = SourceError{node->at, "the remainder of a division by 0"};
      return;
    }
    SetInteger(node, divisor == -1 ? 0 : static_cast<std::uint64_t>(dividend % divisor));
  }

  void Array(Node*& node) {
    if (node->children.empty()) return;
    for (const Node* item : node->children) {
      if (!IsLiteral(*item)) return;
    }
    Node* const made = Literal(*node, NodeKind::kConstant, TypeKind::kArray);
    made->children = node->children;
    node = made;
  }

  void FilterOfFilter(Node*& node) {
    if (node->text != "filter" || node->children.size() != 2) return;
    const Node& inner = *node->children[0];
    if (!inner.Is(NodeKind::kBuiltin, "filter")) return;
    Node* const both = tree_.Add(NodeKind::kBinary, node->at);
    both->text = "&&";
    both->children = {inner.children[1]->children[0], node->children[1]->children[0]};
    Node* const predicate = tree_.Add(NodeKind::kPredicate, node->at);
    predicate->children = {both};
    Node* const made = tree_.Add(NodeKind::kBuiltin, node->at);
    made->text = "filter";
    made->children = {inner.children[0], predicate};
    Replace(node, made);
  }

  Tree& tree_;
  bool changed_ = false;
  Fault fault_;
};

}  // namespace

Fault Fold(Tree& tree) {
  RewriteMembership(tree);
  Folder folder(tree);
  for (int pass = 0; pass < 1000 && folder.Pass(); ++pass) {
  }
  if (folder.fault()) return folder.fault();
  RewriteLoops(tree);
  return {};
}

}  // namespace penstock::expr
