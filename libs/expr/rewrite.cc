#include "expr/rewrite.h"

#include <algorithm>

namespace penstock::expr {

namespace {

bool IsCallOf(const Node& node, std::string_view name, std::size_t arguments) {
  return node.Is(NodeKind::kBuiltin, name) && node.children.size() == arguments;
}

bool AllOf(const Node& array, NodeKind kind) {
  return std::all_of(array.children.begin(), array.children.end(),
                     [&](const Node* item) { return item->kind == kind; });
}

// The same expression, wherever it stands.
bool Same(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.integer != b.integer || a.number != b.number ||
      a.boolean != b.boolean || a.optional != b.optional ||
      a.children.size() != b.children.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    const Node* const x = a.children[i];
    const Node* const y = b.children[i];
    if ((x == nullptr) != (y == nullptr)) return false;
    if (x != nullptr && !Same(*x, *y)) return false;
  }
  return true;
}

bool UsesIndex(const Node& node) {
  if (node.Is(NodeKind::kPointer, "index")) return true;
  return std::any_of(node.children.begin(), node.children.end(),
                     [](const Node* child) { return child != nullptr && UsesIndex(*child); });
}

class Rewriter {
 public:
  explicit Rewriter(Tree& tree) : tree_(tree) {}

  void Run() {
    Walk([this](Node*& node) { InRange(node); });
    Walk([this](Node*& node) { MapOfFilter(node); });
    Walk([this](Node*& node) { LenOfFilter(node); });
    Walk([this](Node*& node) { EndOfFilter(node, -1, "last", "findLast"); });
    Walk([this](Node*& node) { EndOfFilter(node, 0, "first", "find"); });
    Walk([this](Node*& node) { TwoLoops(node); });
    Walk([this](Node*& node) { SumOfArray(node); });
    Walk([this](Node*& node) { SumOfMap(node); });
  }

 private:
  void Walk(const std::function<void(Node*&)>& visit) { VisitBottomUp(tree_.root, visit); }

  Node* Make(const Node& like, NodeKind kind, std::string_view text, std::vector<Node*> children) {
    Node* const made = tree_.Add(kind, like.at);
    made->text = text;
    made->type = like.type;
    made->children = std::move(children);
    return made;
  }

  void InRange(Node*& node) {
    if (!node->Is(NodeKind::kBinary, "in")) return;
    Node* const needle = node->children[0];
    const Node& range = *node->children[1];
    if (StorageOf(needle->type) != static_cast<int>(TypeKind::kInt)) return;
    if (!range.Is(NodeKind::kBinary, "..") || !AllOf(range, NodeKind::kInteger)) return;
    Node* const from = Make(*node, NodeKind::kBinary, ">=", {needle, range.children[0]});
    Node* const to = Make(*node, NodeKind::kBinary, "<=", {needle, range.children[1]});
    node = Make(*node, NodeKind::kBinary, "and", {from, to});
  }

  void MapOfFilter(Node*& node) {
    if (!IsCallOf(*node, "map", 2) || UsesIndex(*node->children[1])) return;
    const Node& filter = *node->children[0];
    if (!filter.Is(NodeKind::kBuiltin, "filter") || filter.mapped != nullptr) return;
    Node* const made = Make(*node, NodeKind::kBuiltin, "filter", filter.children);
    made->mapped = node->children[1]->children[0];
    node = made;
  }

  void LenOfFilter(Node*& node) {
    if (!IsCallOf(*node, "len", 1) || !IsCallOf(*node->children[0], "filter", 2)) return;
    node = Make(*node, NodeKind::kBuiltin, "count", node->children[0]->children);
  }

  void EndOfFilter(Node*& node, std::int64_t index, std::string_view end, std::string_view find) {
    const bool indexed = node->kind == NodeKind::kMember && !node->optional &&
                         node->children[1]->kind == NodeKind::kInteger &&
                         node->children[1]->integer == index;
    if (!indexed && !IsCallOf(*node, end, 1)) return;
    const Node& filter = *node->children[0];
    if (!IsCallOf(filter, "filter", 2)) return;
    Node* const made = Make(*node, NodeKind::kBuiltin, find, filter.children);
    made->throws = indexed;
    made->mapped = filter.mapped;
    node = made;
  }

  void TwoLoops(Node*& node) {
    if (node->kind != NodeKind::kBinary) return;
    const bool both = node->text == "and" || node->text == "&&";
    const bool either = node->text == "or" || node->text == "||";
    if (!both && !either) return;
    const Node& left = *node->children[0];
    const Node& right = *node->children[1];
    if (left.kind != NodeKind::kBuiltin || !right.Is(NodeKind::kBuiltin, left.text)) return;
    const bool fits = both ? left.text == "all" || left.text == "none" : left.text == "any";
    if (!fits || !Same(*left.children[0], *right.children[0])) return;
    const std::string_view op = both && left.text == "all" ? "and" : "or";
    Node* body = Make(*node, NodeKind::kBinary, op,
                      {left.children[1]->children[0], right.children[1]->children[0]});
    TwoLoops(body);
    Node* const predicate = Make(*node, NodeKind::kPredicate, "", {body});
    node = Make(*node, NodeKind::kBuiltin, left.text, {left.children[0], predicate});
  }

  void SumOfArray(Node*& node) {
    if (!IsCallOf(*node, "sum", 1)) return;
    const Node& array = *node->children[0];
    // A level of the tree for each item: long arrays are better off with a loop.
    constexpr std::size_t kMost = 200;
    if (array.kind != NodeKind::kArray || array.children.size() < 2) return;
    if (array.children.size() > kMost) return;
    Node* sum = array.children.back();
    for (std::size_t i = array.children.size() - 1; i > 0; --i) {
      sum = Make(*node, NodeKind::kBinary, "+", {array.children[i - 1], sum});
    }
    node = sum;
  }

  void SumOfMap(Node*& node) {
    if (!IsCallOf(*node, "sum", 1) || !IsCallOf(*node->children[0], "map", 2)) return;
    node = Make(*node, NodeKind::kBuiltin, "sum", node->children[0]->children);
  }

  Tree& tree_;
};

}  // namespace

void VisitBottomUp(Node*& node, const std::function<void(Node*&)>& visit) {
  for (Node*& child : node->children) {
    if (child != nullptr) VisitBottomUp(child, visit);
  }
  visit(node);
}

void RewriteMembership(Tree& tree) {
  VisitBottomUp(tree.root, [&tree](Node*& node) {
    if (!node->Is(NodeKind::kBinary, "in")) return;
    const Node& array = *node->children[1];
    if (array.kind != NodeKind::kArray || array.children.empty()) return;
    const bool integers = StorageOf(node->children[0]->type) == static_cast<int>(TypeKind::kInt) &&
                          AllOf(array, NodeKind::kInteger);
    if (!integers && !AllOf(array, NodeKind::kString)) return;
    Node* const set = tree.Add(NodeKind::kConstant, array.at);
    set->optional = true;
    set->type = integers ? TypeKind::kAnyMap : TypeKind::kMap;
    set->children = array.children;
    node->children[1] = set;
  });
}

void RewriteLoops(Tree& tree) {
  Rewriter(tree).Run();
}

}  // namespace penstock::expr
