#pragma once

#include <string_view>

namespace penstock::expr {

struct BinaryOperator {
  std::string_view name;
  int precedence = 0;
  bool right_associative = false;
  bool compares = false;  ///< < and its kin, which chain.
};
/// Null: there is no such operator.
const BinaryOperator* FindBinary(std::string_view name);
/// 0: there is no such unary operator.
int UnaryPrecedence(std::string_view name);

}  // namespace penstock::expr
