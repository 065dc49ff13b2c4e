#include "expr/context.h"

#include <algorithm>

namespace penstock::expr {

Value Context::Fail(std::string reason) {
  if (!failed_) error_ = std::move(reason);
  failed_ = true;
  return Value::Nil();
}

bool Context::FailBudget() {
  Fail("memory budget exceeded: the expression builds too large a value");
  return false;
}

bool Context::FailSteps() {
  Fail("step budget exceeded: the expression does too much work for one row");
  return false;
}

Value Context::NewString(std::string_view text) {
  if (!Room(text.size())) return Value::Nil();
  return Value::String(arena_.Copy(text));
}

Value Context::NewArray(std::span<const Value> items, ArrayOf of) {
  Value* const copy = NewItems(items.size());
  if (copy == nullptr) return Value::Nil();
  std::copy(items.begin(), items.end(), copy);
  return Value::Array({copy, items.size()}, of);
}

}  // namespace penstock::expr
