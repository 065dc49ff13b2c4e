#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/fault.h"

namespace penstock::config {

/// A place in the text, from 1.
struct Mark {
  int line = 0;
  int column = 0;
};

/// A document as a tree in which every value knows its place. YAML and JSON give the same tree:
/// a number stays a number and a text a text, whatever they look like.
struct Node {
  enum class Kind { kNull, kBool, kInt, kFloat, kText, kList, kMap };

  Kind kind = Kind::kNull;
  Mark mark;
  std::string text;  ///< Of a scalar: its text; of a number or bool: its JSON form.
  std::string key;   ///< In a map: the key that it is the value of.
  Mark key_mark;
  std::vector<Node> children;   ///< Of a list or map, in the order of the document.
  bool from_reference = false;  ///< `text` holds what a ${...} gave: never show it.
  bool unresolved = false;      ///< A ${...} in it has no value: already reported.

  bool is_scalar() const { return kind != Kind::kList && kind != Kind::kMap; }
  /// The child with that key; of duplicates the first. nullptr: none.
  const Node* Find(std::string_view child_key) const;
  /// Where to point when the value as a whole is wrong: a map's key, a scalar itself.
  Mark place() const { return !is_scalar() && key_mark.line > 0 ? key_mark : mark; }
};

/// "text", "a list", "a whole number"…
std::string_view KindName(Node::Kind kind);

/// The tree of a YAML or JSON document; nullopt: it is neither, and `faults` says where.
/// Keys that occur twice in a map are faults too.
std::optional<Node> ParseNode(std::string_view text, std::vector<Fault>& faults);

/// As JSON text, for values that are passed on as they are.
std::string ToJson(const Node& node);

/// The node at `path` ("sink.mapping[2].name"); nullptr: there is none.
const Node* FindPath(const Node& root, std::string_view path);

/// The deepest node on the way along `path` that exists, to point at.
const Node& Locate(const Node& root, std::string_view path);

/// Builds a Node from the events of a parser, within bounds on depth and size. After a failure it
/// ignores what comes; the parser stops when it likes.
class TreeBuilder {
 public:
  void BeginMap(Mark mark) { Begin(Node::Kind::kMap, mark); }
  void BeginList(Mark mark) { Begin(Node::Kind::kList, mark); }
  void End();
  void Scalar(Node::Kind kind, std::string text, Mark mark);
  /// A copy of a finished node at another place.
  void Copy(const Node& node, Mark mark);
  /// The key of the next value; the innermost open node is a map that `wants_key`.
  void Key(std::string key, Mark mark);
  bool wants_key() const;

  void Fail(std::string message, Mark mark);
  bool failed() const { return failure_.has_value(); }
  /// The value that was finished last; only after End, Scalar or Copy.
  const Node& last() const { return open_.empty() ? root_ : open_.back().children.back(); }
  /// The tree, or why there is none.
  std::optional<Node> Take(std::vector<Fault>& faults) &&;

 private:
  void Begin(Node::Kind kind, Mark mark);
  Node MakeNode(Node::Kind kind, Mark mark);
  void Add(Node node);

  Node root_;
  std::vector<Node> open_;   ///< From the outermost to the innermost.
  std::optional<Node> key_;  ///< Has the pending key and its mark.
  std::size_t nodes_ = 0;
  std::optional<Fault> failure_;
};

std::optional<Node> ParseYaml(std::string_view text, std::vector<Fault>& faults);
std::optional<Node> ParseJson(std::string_view text, std::vector<Fault>& faults);

}  // namespace penstock::config
