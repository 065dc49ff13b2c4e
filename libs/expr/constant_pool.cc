#include "expr/constant_pool.h"

#include <algorithm>

namespace penstock::expr {

std::size_t ConstantPool::Add(const Value& value) {
  code_.constants.push_back(value);
  return code_.constants.size() - 1;
}

Value ConstantPool::Text(std::string_view text) {
  return Value::String(code_.texts.emplace_back(text));
}

Value ConstantPool::ValueOf(const Node& node) {
  switch (node.kind) {
    case NodeKind::kBool:
      return Value::Bool(node.boolean);
    case NodeKind::kInteger:
      return Value::Int(node.integer);
    case NodeKind::kFloat:
      return Value::Float(node.number);
    case NodeKind::kString:
      return Text(node.text);
    case NodeKind::kConstant: {
      std::vector<Value>& items = code_.arrays.emplace_back();
      for (const Node* item : node.children) items.push_back(ValueOf(*item));
      return Value::Array(items);
    }
    default:
      return Value::Nil();
  }
}

std::size_t ConstantPool::Set(const Node& node) {
  LiteralSet& set = code_.sets.emplace_back();
  set.of_integers = node.children[0]->kind == NodeKind::kInteger;
  for (const Node* item : node.children) {
    if (set.of_integers) {
      set.integers.push_back(item->integer);
    } else {
      set.strings.push_back(code_.texts.emplace_back(item->text));
    }
  }
  std::sort(set.strings.begin(), set.strings.end());
  std::sort(set.integers.begin(), set.integers.end());
  return code_.sets.size() - 1;
}

}  // namespace penstock::expr
