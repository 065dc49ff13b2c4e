#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "expr/type.h"

namespace penstock::expr {

enum class NodeKind : std::uint8_t {
  kNil,
  kBool,
  kInteger,
  kFloat,
  kString,
  kConstant,     ///< An array of literals: `children` holds them.
  kIdentifier,   ///< `text`
  kUnary,        ///< `text` is the operator.
  kBinary,       ///< `text` is the operator.
  kChain,        ///< What a `?.` may cut short.
  kMember,       ///< children: base, property
  kSlice,        ///< children: base, from, to; the last two may be null.
  kCall,         ///< children: callee, arguments...
  kBuiltin,      ///< `text` is the name; children: arguments
  kPredicate,    ///< children: body
  kPointer,      ///< `text`: "", "index", "acc"
  kDeclaration,  ///< `let text = children[0]; children[1]`
  kSequence,
  kConditional,  ///< children: condition, then, else
  kArray,
  kMap,   ///< children: pairs
  kPair,  ///< children: key, value
};

struct Node {
  NodeKind kind = NodeKind::kNil;
  bool optional = false;  ///< kMember: written with `?.`
  bool throws = false;    ///< kBuiltin find, findLast: not finding is an error.
  bool boolean = false;
  std::uint32_t depth = 1;  ///< Levels of the tree below and with this node.
  std::uint32_t size = 1;   ///< Nodes of the tree below and with this node, shared ones repeated.
  std::size_t at = 0;       ///< Byte offset into the source.
  std::int64_t integer = 0;
  double number = 0;
  std::string text;
  Type type;                       ///< What the checker found out.
  const Method* method = nullptr;  ///< kMember: the method that it names, when that is known.
  Node* mapped = nullptr;          ///< kBuiltin filter, find...: maps what was found.
  std::vector<Node*> children;

  bool Is(NodeKind of, std::string_view value) const { return kind == of && text == value; }
};

/// The expression as a tree. Nodes live as long as it.
struct Tree {
  std::deque<Node> nodes;
  Node* root = nullptr;

  Node* Add(NodeKind kind, std::size_t at) {
    Node& node = nodes.emplace_back();
    node.kind = kind;
    node.at = at;
    return &node;
  }
};

}  // namespace penstock::expr
