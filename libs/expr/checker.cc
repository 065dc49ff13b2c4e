#include "expr/checker.h"

#include <algorithm>
#include <vector>

#include "base/format.h"
#include "expr/builtin_names.h"
#include "expr/check_arguments.h"
#include "expr/function.h"
#include "expr/method.h"
#include "expr/operation_type.h"
#include "expr/regex.h"

namespace penstock::expr {

namespace {

using Children = std::vector<Node*>;

class Checker {
 public:
  Checker(const EnvironmentType& environment, std::deque<Type>& types)
      : environment_(environment), types_(types) {}

  Fault Run(Tree& tree) {
    Visit(*tree.root);
    return fault_;
  }

 private:
  struct Variable {
    std::string_view name;
    Type type;
  };
  struct Scope {
    Type collection;
    bool has_index = false;
    bool has_accumulator = false;
  };

  Type Fail(const Node& node, std::string message) {
    if (!fault_) fault_ = SourceError{node.at, std::move(message)};
    return {};
  }

  Type ArrayOfType(const Type& item) {
    Type type = TypeKind::kArray;
    type.item = &types_.emplace_back(item);
    return type;
  }

  Type Visit(Node& node) {
    node.type = TypeOf(node);
    return node.type;
  }

  Type TypeOf(Node& node) {
    switch (node.kind) {
      case NodeKind::kNil:
        return TypeKind::kNil;
      case NodeKind::kBool:
        return TypeKind::kBool;
      case NodeKind::kInteger:
        return TypeKind::kInt;
      case NodeKind::kFloat:
        return TypeKind::kFloat;
      case NodeKind::kString:
        return TypeKind::kString;
      case NodeKind::kConstant:
        return TypeKind::kArray;
      case NodeKind::kIdentifier:
        return Identifier(node);
      case NodeKind::kUnary:
        return Unary(node);
      case NodeKind::kBinary:
        return Binary(node);
      case NodeKind::kChain:
        return Visit(*node.children[0]);
      case NodeKind::kMember:
        return Member(node);
      case NodeKind::kSlice:
        return Slice(node);
      case NodeKind::kCall:
        return Call(node);
      case NodeKind::kBuiltin:
        return Builtin(node);
      case NodeKind::kPredicate:
        return Visit(*node.children[0]);
      case NodeKind::kPointer:
        return Pointer(node);
      case NodeKind::kDeclaration:
        return Declaration(node);
      case NodeKind::kSequence:
        return Sequence(node);
      case NodeKind::kConditional:
        return Conditional(node);
      case NodeKind::kArray:
        return Array(node);
      case NodeKind::kMap:
      case NodeKind::kPair:
        for (Node* child : node.children) Visit(*child);
        return node.kind == NodeKind::kMap ? TypeKind::kMap : TypeKind::kNil;
    }
    return {};
  }

  [[gnu::noinline]] Type Identifier(const Node& node) {
    for (auto at = variables_.rbegin(); at != variables_.rend(); ++at) {
      if (at->name == node.text) return at->type;
    }
    if (node.text == "$env") return {};
    return Name(node, node.text, true, true);
  }

  Type Name(const Node& node, const std::string& name, bool strict, bool functions) {
    if (const Type* field = environment_.Find(name)) return *field;
    if (functions && (IsKnownHelper(name) || IsBuiltin(name))) return TypeKind::kFunction;
    if (environment_.declared && strict) return Fail(node, UnknownName(name));
    return {};
  }

  bool IsKnownHelper(std::string_view name) const {
    return environment_.mode == Mode::kGlassFlow && IsHelper(name);
  }

  std::string UnknownName(std::string_view name) const {
    std::string known;
    for (const auto& [field, type] : environment_.fields) {
      known += known.empty() ? "" : ", ";
      if (known.size() > 200) {
        known += "...";
        break;
      }
      known += field;
    }
    if (IsHelper(name)) {
      return fmt::format("the function '{}' exists in stateless transformations only", name);
    }
    if (const std::string_view nearest = Nearest(name); !nearest.empty()) {
      return fmt::format("unknown name '{}'; did you mean '{}'?", name, nearest);
    }
    return fmt::format("unknown name '{}'; the declared fields are {}", name,
                       known.empty() ? "none" : known);
  }

  // The declared field or the function that is most like it; empty: none is.
  std::string_view Nearest(std::string_view name) const {
    std::string_view nearest = NearestFunction(name, environment_.mode == Mode::kGlassFlow);
    std::size_t least = nearest.empty() ? 2 : NameDistance(name, nearest);
    for (const auto& [field, type] : environment_.fields) {
      const std::size_t distance = NameDistance(name, field);
      if (distance > least || distance > field.size() / 2) continue;
      least = distance;
      nearest = field;
    }
    return nearest;
  }

  [[gnu::noinline]] Type Unary(Node& node) {
    const Type type = Visit(*node.children[0]);
    const bool logical = node.text == "not" || node.text == "!";
    if (logical && (type.IsBool() || type.IsUnknown())) return TypeKind::kBool;
    if (!logical && type.IsNumber()) return type;
    if (!logical && type.IsUnknown()) return {};
    return Fail(node, fmt::format("'{}' needs {}, found {}", node.text,
                                  logical ? "a boolean" : "a number", NameOf(type)));
  }

  // A long chain of operators is a deep tree: what is done at each level takes little of the stack.
  [[gnu::noinline]] Type Binary(Node& node) {
    const Type left = Visit(*node.children[0]);
    const Type right = Visit(*node.children[1]);
    return BinaryOf(node, left, right);
  }

  [[gnu::noinline]] Type BinaryOf(const Node& node, const Type& left, const Type& right) {
    const std::string_view op = node.text;
    if (op == "??") return Coalesce(left, right);
    if (op == "in") return In(node, left, right);
    if (op == "matches" && node.children[1]->kind == NodeKind::kString) {
      if (std::string error = PatternError(node.children[1]->text); !error.empty()) {
        return Fail(*node.children[1], error);
      }
    }
    if (op == ".." && OperationType(op, left, right)) return ArrayOfType(TypeKind::kInt);
    if (const std::optional<Type> type = OperationType(op, left, right)) return *type;
    return Fail(node, MismatchText(op, left, right));
  }

  Type Coalesce(const Type& left, const Type& right) {
    if (left.IsNil()) return right;
    if (right.IsNil()) return left;
    return right.AssignableTo(left) ? left : Type();
  }

  Type In(const Node& node, const Type& left, const Type& right) {
    const bool has_names = right.IsTime() || right.kind == TypeKind::kZone;
    if (has_names && (left.IsUnknown() || left.IsString())) return TypeKind::kBool;
    if (right.IsMap()) {
      const Type key = right.kind == TypeKind::kMap ? TypeKind::kString : TypeKind::kAny;
      if (!left.IsUnknown() && !left.AssignableTo(key)) {
        return Fail(node, fmt::format("the keys of this map are strings, found {}", NameOf(left)));
      }
      return TypeKind::kBool;
    }
    if (right.IsArray()) {
      if (!left.ComparableTo(right.Item())) {
        return Fail(node, fmt::format("the items of this array are not {} but {}", NameOf(left),
                                      NameOf(right.Item())));
      }
      return TypeKind::kBool;
    }
    if (left.IsUnknown() && right.IsString()) return TypeKind::kBool;
    if (right.IsUnknown()) return TypeKind::kBool;
    return Fail(node,
                fmt::format("'in' needs an array or a map on its right, found {}", NameOf(right)));
  }

  [[gnu::noinline]] Type Member(Node& node) {
    Node& base_node = *node.children[0];
    Node& property = *node.children[1];
    const bool named = property.kind == NodeKind::kString;
    if (base_node.Is(NodeKind::kIdentifier, "$env")) {
      return named ? Name(property, property.text, !node.optional, false) : Type();
    }
    const Type base = Visit(base_node);
    const Type key = Visit(property);
    if (base.IsUnknown()) return {};
    if (named && base.IsNil()) {
      return Fail(property, fmt::format("nil has no field '{}'", property.text));
    }
    if (named) {
      node.method = FindMethod(base.kind, property.text);
      if (node.method != nullptr) return TypeKind::kFunction;
    }
    if (base.IsMap()) return MapMember(base, property, key);
    if (base.IsArray()) {
      if (!key.IsInteger() && !key.IsUnknown()) {
        return Fail(property, fmt::format("an index must be an integer, found {}", NameOf(key)));
      }
      return base.Item();
    }
    if (named) {
      return Fail(property,
                  fmt::format("{} has no field or method '{}'", NameOf(base), property.text));
    }
    return Fail(node, fmt::format("{} cannot be indexed", NameOf(base)));
  }

  Type MapMember(const Type& base, const Node& property, const Type& key) {
    const Type wanted = base.kind == TypeKind::kMap ? TypeKind::kString : TypeKind::kAny;
    if (!key.AssignableTo(wanted) && !key.IsUnknown()) {
      return Fail(property,
                  fmt::format("a key of this map must be a string, found {}", NameOf(key)));
    }
    return base.Item();
  }

  [[gnu::noinline]] Type Slice(Node& node) {
    const Type base = Visit(*node.children[0]);
    if (base.IsUnknown()) return {};
    if (!base.IsString() && !base.IsArray()) {
      return Fail(node,
                  fmt::format("only strings and arrays can be sliced, found {}", NameOf(base)));
    }
    for (std::size_t i = 1; i < 3; ++i) {
      if (node.children[i] == nullptr) continue;
      const Type bound = Visit(*node.children[i]);
      if (!bound.IsInteger() && !bound.IsUnknown()) {
        return Fail(*node.children[i],
                    fmt::format("a slice's bound must be an integer, found {}", NameOf(bound)));
      }
    }
    return base;
  }

  [[gnu::noinline]] Type Call(Node& node) {
    Node& callee = *node.children[0];
    const Type type = Visit(callee);
    // As in the reference, the arguments of a function that is not known are not looked at.
    if (type.IsUnknown()) return {};
    if (!type.IsFunction()) {
      return Fail(node,
                  fmt::format("'{}' is {}, not a function", CalleeName(callee), NameOf(type)));
    }
    VisitArguments(node);
    if (callee.kind == NodeKind::kMember && callee.method != nullptr) {
      return MethodCall(node, *callee.method);
    }
    return TypeKind::kAny;
  }

  void VisitArguments(Node& node) {
    for (std::size_t i = 1; i < node.children.size(); ++i) Visit(*node.children[i]);
  }

  static std::string_view CalleeName(const Node& callee) {
    if (callee.kind == NodeKind::kMember && callee.children[1]->kind == NodeKind::kString) {
      return callee.children[1]->text;
    }
    return callee.kind == NodeKind::kIdentifier ? std::string_view(callee.text) : "this";
  }

  Type MethodCall(const Node& node, const Method& method) {
    if (method.results > 2) {
      return Fail(node, fmt::format("'{}' gives several values: use the ones for each part, such "
                                    "as Year() or Hour()",
                                    method.name));
    }
    const std::span<Node* const> arguments(node.children.data() + 1, node.children.size() - 1);
    if (Fault fault = CheckMethodArguments(method, node, arguments)) {
      if (!fault_) fault_ = std::move(fault);
      return {};
    }
    return method.result;
  }

  [[gnu::noinline]] Type Builtin(Node& node) {
    if (FindPredicateBuiltin(node.text) != nullptr) return PredicateBuiltinType(node);
    const Function& function = *FindBuiltin(node.text);
    for (Node* argument : node.children) Visit(*argument);
    const CheckedCall checked = CheckCall(function, node, environment_);
    if (checked.fault) {
      if (!fault_) fault_ = checked.fault;
      return {};
    }
    return checked.type;
  }

  Type PredicateBuiltinType(Node& node) {
    const std::string_view name = node.text;
    const Type collection = Visit(*node.children[0]);
    if (!collection.IsArray() && !collection.IsUnknown()) {
      return Fail(*node.children[0],
                  fmt::format("{} needs an array, found {}", name, NameOf(collection)));
    }
    Type body;
    if (node.children.size() > 1) {
      scopes_.push_back({collection, name == "map" || name == "reduce", name == "reduce"});
      body = Visit(*node.children[1]);
      scopes_.pop_back();
      if (body.IsNil()) {
        return Fail(*node.children[1],
                    fmt::format("the second argument of {} is always nil", name));
      }
    }
    if (node.children.size() > 2) Visit(*node.children[2]);
    if (NeedsCondition(name) && node.children.size() > 1 && !body.IsBool() && !body.IsUnknown()) {
      return Fail(*node.children[1], fmt::format("the condition of {} must be a boolean, found {}",
                                                 name, NameOf(body)));
    }
    return PredicateResult(name, collection, body, node.children.size());
  }

  static bool NeedsCondition(std::string_view name) {
    return name != "map" && name != "sum" && name != "groupBy" && name != "sortBy" &&
           name != "reduce";
  }

  Type PredicateResult(std::string_view name, const Type& collection, const Type& body,
                       std::size_t arguments) {
    if (name == "all" || name == "none" || name == "any" || name == "one") return TypeKind::kBool;
    if (name == "count" || name == "findIndex" || name == "findLastIndex") return TypeKind::kInt;
    if (name == "find" || name == "findLast") {
      return collection.IsUnknown() ? Type() : collection.Item();
    }
    if (name == "filter") {
      return collection.IsUnknown() ? Type(TypeKind::kArray) : ArrayOfType(collection.Item());
    }
    if (name == "map") return ArrayOfType(body);
    if (name == "groupBy") return TypeKind::kGroups;
    if (name == "sortBy") return collection;
    if (name == "reduce") return body;
    // sum
    if (arguments == 2) return body.IsUnknown() ? Type(TypeKind::kAny) : body.Plain();
    return collection.IsUnknown() ? Type() : collection.Item();
  }

  [[gnu::noinline]] Type Pointer(const Node& node) {
    if (scopes_.empty()) return Fail(node, "'#' has a meaning only within a condition");
    const Scope& scope = scopes_.back();
    if (node.text.empty()) return scope.collection.IsUnknown() ? Type() : scope.collection.Item();
    if (node.text == "index" && scope.has_index) return TypeKind::kInt;
    if (node.text == "acc" && scope.has_accumulator) return {};
    return Fail(node, fmt::format("'#{}' has no meaning here; there is # everywhere, #index in map "
                                  "and reduce, #acc in reduce",
                                  node.text));
  }

  [[gnu::noinline]] Type Declaration(Node& node) {
    const std::string& name = node.text;
    if (environment_.Find(name) != nullptr) {
      return Fail(node, fmt::format("'{}' is a field already", name));
    }
    if (IsKnownHelper(name) || IsBuiltin(name)) {
      return Fail(node, fmt::format("'{}' is a function already", name));
    }
    for (const Variable& variable : variables_) {
      if (variable.name == name) {
        return Fail(node, fmt::format("'{}' is a variable already", name));
      }
    }
    const Type value = Visit(*node.children[0]);
    variables_.push_back({name, value});
    const Type type = Visit(*node.children[1]);
    variables_.pop_back();
    return type;
  }

  [[gnu::noinline]] Type Sequence(Node& node) {
    Type last;
    for (Node* child : node.children) last = Visit(*child);
    return last;
  }

  [[gnu::noinline]] Type Conditional(Node& node) {
    const Type condition = Visit(*node.children[0]);
    if (!condition.IsBool() && !condition.IsUnknown()) {
      return Fail(*node.children[0],
                  fmt::format("a condition must be a boolean, found {}", NameOf(condition)));
    }
    const Type yes = Visit(*node.children[1]);
    const Type no = Visit(*node.children[2]);
    if (yes.IsNil()) return no;
    if (no.IsNil()) return yes;
    if (!yes.AssignableTo(no)) return {};
    if (yes.IsArray() && no.IsArray()) {
      const Type a = yes.Item();
      const Type b = no.Item();
      if (!a.AssignableTo(b) || !b.AssignableTo(a)) return TypeKind::kArray;
    }
    return yes;
  }

  [[gnu::noinline]] Type Array(Node& node) {
    Type previous;
    bool alike = true;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const Type type = Visit(*node.children[i]);
      if (i > 0 && StorageOf(type) != StorageOf(previous)) alike = false;
      previous = type;
    }
    return alike ? ArrayOfType(previous) : Type(TypeKind::kArray);
  }

  const EnvironmentType& environment_;
  std::deque<Type>& types_;
  std::vector<Variable> variables_;
  std::vector<Scope> scopes_;
  Fault fault_;
};

}  // namespace

Fault Check(Tree& tree, const EnvironmentType& environment, std::deque<Type>& types) {
  return Checker(environment, types).Run(tree);
}

}  // namespace penstock::expr
