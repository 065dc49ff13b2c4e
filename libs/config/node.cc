#include "config/node.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/format.h"
#include "base/text.h"

namespace penstock::config {

namespace {

// A pipeline document has some hundred values and is ten deep. The bounds keep a hostile one
// (aliases of aliases, a million brackets) from taking the process along.
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxNodes = 200'000;

std::size_t CountNodes(const Node& node) {
  std::size_t count = 1;
  for (const Node& child : node.children) count += CountNodes(child);
  return count;
}

void FindDuplicates(const Node& node, const std::string& path, std::vector<Fault>& faults) {
  std::set<std::string_view> seen;
  std::size_t index = 0;
  for (const Node& child : node.children) {
    if (node.kind == Node::Kind::kList) {
      FindDuplicates(child, fmt::format("{}[{}]", path, index++), faults);
      continue;
    }
    const std::string child_path = path.empty() ? child.key : path + "." + child.key;
    if (!seen.insert(child.key).second) {
      faults.push_back({child_path, child.key_mark.line, child.key_mark.column,
                        fmt::format("this key is already on line {}; a key may occur once",
                                    node.Find(child.key)->key_mark.line)});
    }
    FindDuplicates(child, child_path, faults);
  }
}

Mark PlaceOfByte(std::string_view text, std::size_t offset) {
  Mark mark{1, 1};
  for (const char c : text.substr(0, offset)) {
    mark = c == '\n' ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + 1};
  }
  return mark;
}

// The length of the longest front that is UTF-8.
std::size_t ValidPrefix(std::string_view text) {
  std::size_t good = 0;
  std::size_t bad = text.size() + 1;
  while (good + 1 < bad) {
    const std::size_t middle = good + (bad - good) / 2;
    // A cut inside a character is not UTF-8 either; off by less than one character is close enough.
    (IsUtf8(text.substr(0, middle)) ? good : bad) = middle;
  }
  return good;
}

// The child that the path's first part names, which is taken off; nullptr: there is none.
const Node* Step(const Node& node, std::string_view& path) {
  const Node* next = nullptr;
  if (path.front() == '[') {
    std::size_t index = 0;
    const std::size_t close = std::min(path.find(']'), path.size() - 1);
    std::from_chars(path.data() + 1, path.data() + close, index);
    if (node.kind == Node::Kind::kList && index < node.children.size()) {
      next = &node.children[index];
    }
    path.remove_prefix(close + 1);
  } else {
    const std::string_view name = path.substr(0, path.find_first_of(".["));
    next = node.Find(name);
    path.remove_prefix(name.size());
  }
  if (path.starts_with('.')) path.remove_prefix(1);
  return next;
}

}  // namespace

const Node* Node::Find(std::string_view child_key) const {
  for (const Node& child : children) {
    if (kind == Kind::kMap && child.key == child_key) return &child;
  }
  return nullptr;
}

std::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kBool:
      return "true or false";
    case Node::Kind::kInt:
      return "a whole number";
    case Node::Kind::kFloat:
      return "a number";
    case Node::Kind::kText:
      return "a text";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

std::optional<Node> ParseNode(std::string_view text, std::vector<Fault>& faults) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!IsUtf8(text)) {
    const Mark mark = PlaceOfByte(text, ValidPrefix(text));
    faults.push_back({"", mark.line, mark.column, "not UTF-8; the document must be UTF-8 text"});
    return std::nullopt;
  }
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && text[first] == '{';
  std::optional<Node> root = is_json ? ParseJson(text, faults) : ParseYaml(text, faults);
  if (root) FindDuplicates(*root, "", faults);
  return root;
}

std::string ToJson(const Node& node) {
  std::string out;
  switch (node.kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kBool:
    case Node::Kind::kInt:
    case Node::Kind::kFloat:
      return node.text;
    case Node::Kind::kText:
      AppendJsonString(out, node.text);
      return out;
    case Node::Kind::kList:
    case Node::Kind::kMap:
      break;
  }
  const bool is_map = node.kind == Node::Kind::kMap;
  out += is_map ? '{' : '[';
  for (const Node& child : node.children) {
    if (out.size() > 1) out += ',';
    if (is_map) {
      AppendJsonString(out, child.key);
      out += ':';
    }
    out += ToJson(child);
  }
  return out += is_map ? '}' : ']';
}

const Node* FindPath(const Node& root, std::string_view path) {
  const Node* at = &root;
  while (at != nullptr && !path.empty()) at = Step(*at, path);
  return at;
}

const Node& Locate(const Node& root, std::string_view path) {
  const Node* at = &root;
  while (!path.empty()) {
    const Node* next = Step(*at, path);
    if (next == nullptr) break;
    at = next;
  }
  return *at;
}

Node TreeBuilder::MakeNode(Node::Kind kind, Mark mark) {
  Node node;
  if (key_) std::swap(node, *key_);
  key_.reset();
  node.kind = kind;
  node.mark = mark;
  if (++nodes_ > kMaxNodes) Fail("the document is larger than any pipeline", mark);
  return node;
}

void TreeBuilder::Begin(Node::Kind kind, Mark mark) {
  if (wants_key()) Fail("a key must be a text", mark);
  if (open_.size() >= kMaxDepth) Fail("the document is nested deeper than any pipeline", mark);
  if (!failed()) open_.push_back(MakeNode(kind, mark));
}

void TreeBuilder::End() {
  if (failed()) return;
  Node node = std::move(open_.back());
  open_.pop_back();
  Add(std::move(node));
}

void TreeBuilder::Scalar(Node::Kind kind, std::string text, Mark mark) {
  if (failed()) return;
  Node node = MakeNode(kind, mark);
  node.text = std::move(text);
  Add(std::move(node));
}

void TreeBuilder::Copy(const Node& node, Mark mark) {
  if (wants_key()) Fail("a key must be a text", mark);
  nodes_ += CountNodes(node);
  if (failed()) return;
  Node copy = MakeNode(node.kind, mark);
  copy.text = node.text;
  copy.children = node.children;
  Add(std::move(copy));
}

void TreeBuilder::Key(std::string key, Mark mark) {
  key_.emplace();
  key_->key = std::move(key);
  key_->key_mark = mark;
}

bool TreeBuilder::wants_key() const {
  return !open_.empty() && open_.back().kind == Node::Kind::kMap && !key_;
}

void TreeBuilder::Add(Node node) {
  if (open_.empty()) {
    root_ = std::move(node);
  } else {
    open_.back().children.push_back(std::move(node));
  }
}

void TreeBuilder::Fail(std::string message, Mark mark) {
  if (!failed()) failure_ = Fault{"", mark.line, mark.column, std::move(message)};
}

std::optional<Node> TreeBuilder::Take(std::vector<Fault>& faults) && {
  if (!failed()) return std::move(root_);
  faults.push_back(*failure_);
  return std::nullopt;
}

}  // namespace penstock::config
