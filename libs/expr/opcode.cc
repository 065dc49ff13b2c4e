#include "expr/opcode.h"

#include <algorithm>
#include <iterator>

namespace penstock::expr {

namespace {

Op Named(std::string_view op) {
  struct NamedOp {
    std::string_view name;
    Op op;
  };
  static constexpr NamedOp kOps[] = {
      {"<", Op::kLess},
      {">", Op::kMore},
      {"<=", Op::kLessOrEqual},
      {">=", Op::kMoreOrEqual},
      {"+", Op::kAdd},
      {"-", Op::kSubtract},
      {"*", Op::kMultiply},
      {"/", Op::kDivide},
      {"%", Op::kRemainder},
      {"**", Op::kPower},
      {"^", Op::kPower},
      {"in", Op::kIn},
      {"..", Op::kRange},
      {"matches", Op::kMatches},
      {"contains", Op::kContains},
      {"startsWith", Op::kStartsWith},
  };
  const auto* const found = std::find_if(std::begin(kOps), std::end(kOps),
                                         [&](const NamedOp& named) { return named.name == op; });
  return found == std::end(kOps) ? Op::kEndsWith : found->op;
}

Op EqualOp(const Node& node) {
  const TypeKind left = node.children[0]->type.kind;
  const TypeKind right = node.children[1]->type.kind;
  if (left == TypeKind::kInt && right == TypeKind::kInt) return Op::kEqualInt;
  if (left == TypeKind::kString && right == TypeKind::kString) return Op::kEqualString;
  return node.text == "==" ? Op::kEqual : Op::kNotEqual;
}

}  // namespace

Op OpOf(const Node& binary) {
  if (binary.text == "==" || binary.text == "!=") return EqualOp(binary);
  return Named(binary.text);
}

}  // namespace penstock::expr
