#pragma once

#include <cstddef>
#include <string_view>

#include "expr/ast.h"
#include "expr/code.h"

namespace penstock::expr {

/// The constants of a program under construction. Each function gives the index that the
/// instruction names.
class ConstantPool {
 public:
  explicit ConstantPool(Code& code) : code_(code) {}

  std::size_t Add(const Value& value);
  std::size_t AddText(std::string_view text) { return Add(Text(text)); }
  /// Of a literal, or an array of them.
  std::size_t Literal(const Node& node) { return Add(ValueOf(node)); }
  /// Of the literals in `x in [...]`: the index of a set.
  std::size_t Set(const Node& node);

 private:
  Value Text(std::string_view text);
  Value ValueOf(const Node& node);

  Code& code_;
};

}  // namespace penstock::expr
