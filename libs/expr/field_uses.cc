#include "expr/field_uses.h"

#include <algorithm>

namespace penstock::expr {

namespace {

using IsVariable = std::function<bool(std::string_view)>;

// The names of a chain; false when it is none.
bool PathOf(const Node& node, const IsVariable& is_variable, FieldPath& path) {
  if (node.kind == NodeKind::kIdentifier) {
    if (is_variable(node.text)) return false;
    if (node.text != "$env") path.push_back(node.text);
    return true;
  }
  if (node.kind == NodeKind::kChain) return PathOf(*node.children[0], is_variable, path);
  if (node.kind != NodeKind::kMember || node.children[1]->kind != NodeKind::kString) return false;
  if (!PathOf(*node.children[0], is_variable, path)) return false;
  path.push_back(node.children[1]->text);
  return true;
}

class Collector {
 public:
  FieldUse Run(const Node& root) {
    Visit(root);
    return std::move(use_);
  }

 private:
  void Visit(const Node& node) {
    FieldPath path;
    const bool is_path = PathOf(
        node, [this](std::string_view name) { return Contains(name); }, path);
    if (is_path && !path.empty()) return Add(std::move(path));
    if (is_path) {
      use_.whole_record = true;
      return;
    }
    if (node.kind == NodeKind::kDeclaration) return Declaration(node);
    // A callee that is a field's method is no field of its own.
    for (const Node* child : node.children) {
      if (child != nullptr) Visit(*child);
    }
    if (node.mapped != nullptr) Visit(*node.mapped);
  }

  void Declaration(const Node& node) {
    Visit(*node.children[0]);
    variables_.push_back(node.text);
    Visit(*node.children[1]);
    variables_.pop_back();
  }

  bool Contains(std::string_view name) const {
    return std::find(variables_.begin(), variables_.end(), name) != variables_.end();
  }

  void Add(FieldPath path) {
    if (std::find(use_.paths.begin(), use_.paths.end(), path) == use_.paths.end()) {
      use_.paths.push_back(std::move(path));
    }
  }

  std::vector<std::string_view> variables_;
  FieldUse use_;
};

}  // namespace

std::string DottedName(const Node& node, const IsVariable& is_variable) {
  FieldPath path;
  if (!PathOf(node, is_variable, path)) return {};
  std::string name;
  for (const std::string& part : path) {
    if (!name.empty()) name += '.';
    name += part;
  }
  return name;
}

FieldUse UsesOf(const Node& root) {
  return Collector().Run(root);
}

}  // namespace penstock::expr
