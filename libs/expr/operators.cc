#include "expr/operators.h"

#include <algorithm>
#include <iterator>

namespace penstock::expr {

const BinaryOperator* FindBinary(std::string_view name) {
  static constexpr BinaryOperator kOperators[] = {
      {"|", 0, false, false},           {"or", 10, false, false},
      {"||", 10, false, false},         {"and", 15, false, false},
      {"&&", 15, false, false},         {"==", 20, false, false},
      {"!=", 20, false, false},         {"<", 20, false, true},
      {">", 20, false, true},           {">=", 20, false, true},
      {"<=", 20, false, true},          {"in", 20, false, false},
      {"matches", 20, false, false},    {"contains", 20, false, false},
      {"startsWith", 20, false, false}, {"endsWith", 20, false, false},
      {"..", 25, false, false},         {"+", 30, false, false},
      {"-", 30, false, false},          {"*", 60, false, false},
      {"/", 60, false, false},          {"%", 60, false, false},
      {"**", 100, true, false},         {"^", 100, true, false},
      {"??", 500, false, false},
  };
  const auto* const found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                         [&](const auto& op) { return op.name == name; });
  return found == std::end(kOperators) ? nullptr : found;
}

int UnaryPrecedence(std::string_view name) {
  if (name == "not" || name == "!") return 50;
  if (name == "-" || name == "+") return 90;
  return 0;
}

}  // namespace penstock::expr
