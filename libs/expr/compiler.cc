#include "expr/compiler.h"

#include <algorithm>

#include "base/format.h"
#include "expr/builtin_names.h"
#include "expr/check_arguments.h"
#include "expr/constant_pool.h"
#include "expr/field_uses.h"
#include "expr/opcode.h"

namespace penstock::expr {

namespace {

class Compiler {
 public:
  Compiler(const EnvironmentType& environment, FieldTable& fields, Code& code)
      : environment_(environment), fields_(fields), code_(code), pool_(code) {}

  Fault Run(const Node& root) {
    Compile(root);
    return fault_;
  }

 private:
  struct Variable {
    std::string_view name;
    std::size_t index;
  };
  struct Chain {
    std::size_t depth;  // Of the stack where it begins.
    std::vector<std::size_t> jumps;
  };

  // What an instruction leaves on the stack, less what it takes off.
  std::size_t Add(const Node& node, Op op, int effect, std::size_t argument = 0,
                  std::size_t count = 0) {
    code_.instructions.push_back({op, static_cast<std::uint8_t>(count),
                                  static_cast<std::uint32_t>(argument),
                                  static_cast<std::uint32_t>(node.at)});
    depth_ = static_cast<std::size_t>(static_cast<long>(depth_) + effect);
    code_.max_stack = std::max(code_.max_stack, depth_);
    return code_.instructions.size() - 1;
  }
  void Land(std::size_t jump) {
    code_.instructions[jump].argument = static_cast<std::uint32_t>(code_.instructions.size());
  }
  std::size_t Here() const { return code_.instructions.size(); }

  void Compile(const Node& node) {
    switch (node.kind) {
      case NodeKind::kNil:
      case NodeKind::kBool:
      case NodeKind::kInteger:
      case NodeKind::kFloat:
      case NodeKind::kString:
      case NodeKind::kConstant:
        Add(node, Op::kConstant, 1, pool_.Literal(node));
        return;
      case NodeKind::kIdentifier:
        return Identifier(node);
      case NodeKind::kUnary:
        return Unary(node);
      case NodeKind::kBinary:
        return Binary(node);
      case NodeKind::kChain:
        return CompileChain(node);
      case NodeKind::kMember:
        return Member(node);
      case NodeKind::kSlice:
        return Slice(node);
      case NodeKind::kCall:
        return Call(node);
      case NodeKind::kBuiltin:
        return Builtin(node);
      case NodeKind::kPredicate:
        return Compile(*node.children[0]);
      case NodeKind::kPointer:
        Add(node,
            node.text == "index" ? Op::kIndex
            : node.text == "acc" ? Op::kAccumulator
                                 : Op::kItem,
            1);
        return;
      case NodeKind::kDeclaration:
        return Declaration(node);
      case NodeKind::kSequence:
        return Sequence(node);
      case NodeKind::kConditional:
        return Conditional(node);
      case NodeKind::kArray:
        for (const Node* item : node.children) Compile(*item);
        Add(node, Op::kArray, 1 - static_cast<int>(node.children.size()), node.children.size());
        return;
      case NodeKind::kMap:
        for (const Node* pair : node.children) Compile(*pair);
        Add(node, Op::kMap, 1 - 2 * static_cast<int>(node.children.size()), node.children.size());
        return;
      case NodeKind::kPair:
        Compile(*node.children[0]);
        Compile(*node.children[1]);
        return;
    }
  }

  const Variable* FindVariable(std::string_view name) const {
    for (auto at = variables_.rbegin(); at != variables_.rend(); ++at) {
      if (at->name == name) return &*at;
    }
    return nullptr;
  }

  [[gnu::noinline]] void Identifier(const Node& node) {
    if (const Variable* variable = FindVariable(node.text)) {
      Add(node, Op::kLoad, 1, variable->index);
    } else if (node.text == "$env") {
      fields_.UseWhole();
      Add(node, Op::kRecord, 1);
    } else {
      Add(node, Op::kField, 1, fields_.SlotOf(node.text));
    }
  }

  [[gnu::noinline]] void Unary(const Node& node) {
    Compile(*node.children[0]);
    if (node.text == "-") Add(node, Op::kNegate, 0);
    if (node.text == "not" || node.text == "!") Add(node, Op::kNot, 0);
  }

  [[gnu::noinline]] void Binary(const Node& node) {
    const std::string_view op = node.text;
    const Node& left = *node.children[0];
    const Node& right = *node.children[1];
    if (op == "or" || op == "||") return ShortCut(node, Op::kJumpIfTrue);
    if (op == "and" || op == "&&") return ShortCut(node, Op::kJumpIfFalse);
    if (op == "??") return ShortCut(node, Op::kJumpIfNotNil);
    Compile(left);
    if (op == "matches" && right.kind == NodeKind::kString) return MatchesConstant(node, right);
    if (op == "in" && right.kind == NodeKind::kConstant && right.optional) {
      Add(node, Op::kInSet, 0, pool_.Set(right));
      return;
    }
    if (op == "in" && right.Is(NodeKind::kBinary, "..")) {
      Compile(*right.children[0]);
      Compile(*right.children[1]);
      Add(right, Op::kInRange, -2);
      return;
    }
    Compile(right);
    Add(node, OpOf(node), -1);
    if (op == "!=" && code_.instructions.back().op != Op::kNotEqual) Add(node, Op::kNot, 0);
  }

  [[gnu::noinline]] void ShortCut(const Node& node, Op jump) {
    Compile(*node.children[0]);
    const std::size_t end = Add(node, jump, 0);
    Add(node, Op::kPop, -1);
    Compile(*node.children[1]);
    Land(end);
  }

  [[gnu::noinline]] void MatchesConstant(const Node& node, const Node& pattern) {
    const Regex& regex = code_.patterns.emplace_back(pattern.text);
    if (!regex.error().empty() && !fault_) fault_ = SourceError{pattern.at, regex.error()};
    Add(node, Op::kMatchesConstant, 0, code_.patterns.size() - 1);
  }

  // A `?.` within jumps behind the chain when there is nothing on its left.
  [[gnu::noinline]] void CompileChain(const Node& node) {
    chains_.push_back({depth_, {}});
    Compile(*node.children[0]);
    for (const std::size_t jump : chains_.back().jumps) Land(jump);
    chains_.pop_back();
    Add(node, Op::kNilIfNull, 0);
  }

  [[gnu::noinline]] void Member(const Node& node) {
    const Node& base = *node.children[0];
    const Node& property = *node.children[1];
    const bool named = property.kind == NodeKind::kString;
    if (fields_.over_columns() && ColumnMember(node)) return;
    if (named && base.Is(NodeKind::kIdentifier, "$env")) {
      Add(node, Op::kField, 1, fields_.SlotOf(property.text));
      return;
    }
    Compile(base);
    if (node.optional && !chains_.empty()) LeaveChain(node);
    if (named) {
      Add(property, Op::kFetchName, 0, pool_.AddText(property.text));
    } else {
      Compile(property);
      Add(node, Op::kFetch, -1);
    }
  }

  // Arguments of calls in the chain are on the stack already, under what may be nil.
  void LeaveChain(const Node& node) {
    Chain& chain = chains_.back();
    const std::size_t arguments = depth_ - chain.depth - 1;
    if (TooMany(node, arguments)) return;
    chain.jumps.push_back(Add(node, Op::kJumpIfNil, 0, 0, arguments));
  }

  // Whether `a.b` is a column of that name.
  bool ColumnMember(const Node& node) {
    const std::string name = DottedName(
        node, [this](std::string_view variable) { return FindVariable(variable) != nullptr; });
    if (name.empty() || !fields_.HasColumn(name)) return false;
    Add(node, Op::kField, 1, fields_.SlotOf(name));
    return true;
  }

  [[gnu::noinline]] void Slice(const Node& node) {
    Compile(*node.children[0]);
    if (node.children[2] != nullptr) {
      Compile(*node.children[2]);
    } else {
      Add(node, Op::kLength, 1);
    }
    if (node.children[1] != nullptr) {
      Compile(*node.children[1]);
    } else {
      Add(node, Op::kConstant, 1, pool_.Add(Value::Int(0)));
    }
    Add(node, Op::kSlice, -2);
  }

  bool TooMany(const Node& node, std::size_t arguments) {
    constexpr std::size_t kMost = 255;
    if (arguments <= kMost) return false;
    if (!fault_) fault_ = SourceError{node.at, "a function takes at most 255 arguments"};
    return true;
  }

  void CallFunction(const Node& node, const Function& function, std::size_t arguments) {
    if (TooMany(node, arguments)) return;
    // The checker does not look at everything that the reference's does not look at.
    if (!TakesCount(function, arguments)) {
      Add(node, Op::kThrow, 1 - static_cast<int>(arguments),
          pool_.AddText(fmt::format("{} cannot take {} arguments", function.name, arguments)));
      return;
    }
    auto& functions = code_.functions;
    const auto found = std::find(functions.begin(), functions.end(), &function);
    const auto index = static_cast<std::size_t>(found - functions.begin());
    if (found == functions.end()) functions.push_back(&function);
    Add(node, Op::kCall, 1 - static_cast<int>(arguments), index, arguments);
  }

  [[gnu::noinline]] void Call(const Node& node) {
    const Node& callee = *node.children[0];
    const std::size_t arguments = node.children.size() - 1;
    for (std::size_t i = 1; i <= arguments; ++i) Compile(*node.children[i]);
    if (callee.kind == NodeKind::kIdentifier && environment_.mode == Mode::kGlassFlow) {
      if (const Function* helper = FindHelper(callee.text)) {
        return CallFunction(node, *helper, arguments);
      }
    }
    if (callee.kind == NodeKind::kIdentifier && FindVariable(callee.text) == nullptr) {
      return UnknownFunction(node, callee.text, arguments);
    }
    Compile(callee);
    if (TooMany(node, arguments)) return;
    Add(node, Op::kCallValue, -static_cast<int>(arguments), 0, arguments);
  }

  // A record has no functions. As in the reference this shows when it is called.
  void UnknownFunction(const Node& node, std::string_view name, std::size_t arguments) {
    const bool helpers = environment_.mode == Mode::kGlassFlow;
    const std::string_view nearest = NearestFunction(name, helpers);
    std::string reason = fmt::format("there is no function '{}'", name);
    if (IsHelper(name)) {
      reason = fmt::format("the function '{}' exists in stateless transformations only", name);
    } else if (!nearest.empty()) {
      reason += fmt::format("; did you mean '{}'?", nearest);
    }
    Add(node, Op::kThrow, 1 - static_cast<int>(arguments), pool_.AddText(reason));
  }

  [[gnu::noinline]] void Declaration(const Node& node) {
    Compile(*node.children[0]);
    const std::size_t index = code_.variables++;
    Add(node, Op::kStore, -1, index);
    variables_.push_back({node.text, index});
    Compile(*node.children[1]);
    variables_.pop_back();
  }

  [[gnu::noinline]] void Sequence(const Node& node) {
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) Add(node, Op::kPop, -1);
      Compile(*node.children[i]);
    }
  }

  [[gnu::noinline]] void Conditional(const Node& node) {
    Compile(*node.children[0]);
    const std::size_t otherwise = Add(*node.children[0], Op::kPopJumpIfFalse, -1);
    Compile(*node.children[1]);
    const std::size_t end = Add(node, Op::kJump, -1);
    Land(otherwise);
    Compile(*node.children[2]);
    Land(end);
  }

  [[gnu::noinline]] void Builtin(const Node& node) {
    if (FindPredicateBuiltin(node.text) != nullptr) return Loop(node);
    for (const Node* argument : node.children) Compile(*argument);
    CallFunction(node, *FindBuiltin(node.text), node.children.size());
  }

  // What a loop does with each item.
  template <typename EachItem>
  void Forward(const Node& node, EachItem each) {
    const std::size_t begin = Here();
    const std::size_t end = Add(node, Op::kJumpIfEnd, 0);
    each();
    Add(node, Op::kNext, 0, begin);
    Land(end);
  }
  template <typename EachItem>
  void Backward(const Node& node, EachItem each) {
    Add(node, Op::kLast, 0);
    const std::size_t begin = Here();
    const std::size_t end = Add(node, Op::kJumpIfStart, 0);
    each();
    Add(node, Op::kPrevious, 0, begin);
    Land(end);
  }
  // Goes on only where the condition holds; to be landed behind.
  std::size_t Condition(const Node& node) {
    if (node.children.size() > 1) {
      Compile(*node.children[1]);
    } else {
      Add(node, Op::kItem, 1);
    }
    return Add(node, Op::kPopJumpIfFalse, -1);
  }
  void Found(const Node& node) {
    if (node.mapped != nullptr) {
      Compile(*node.mapped);
    } else {
      Add(node, Op::kItem, 1);
    }
  }

  void Loop(const Node& node) {
    const std::string_view name = node.text;
    Compile(*node.children[0]);
    Add(*node.children[0], Op::kBegin, -1);
    code_.max_loops = std::max(code_.max_loops, ++loops_);
    if (name == "all" || name == "none" || name == "any") {
      Quantifier(node);
    } else if (name == "find" || name == "findIndex" || name == "findLast" ||
               name == "findLastIndex") {
      Find(node);
    } else if (name == "sortBy") {
      SortBy(node);
    } else if (name == "reduce") {
      Reduce(node);
    } else {
      Collector(node);
    }
    --loops_;
    Add(node, Op::kEnd, 0);
  }

  void Quantifier(const Node& node) {
    std::size_t decided = 0;
    Forward(node, [&] {
      Compile(*node.children[1]);
      if (node.text == "none") Add(node, Op::kNot, 0);
      decided = Add(node, node.text == "any" ? Op::kJumpIfTrue : Op::kJumpIfFalse, 0);
      Add(node, Op::kPop, -1);
    });
    Add(node, Op::kConstant, 1, pool_.Add(Value::Bool(node.text != "any")));
    Land(decided);
  }

  void Find(const Node& node) {
    const bool index = node.text == "findIndex" || node.text == "findLastIndex";
    const bool last = node.text == "findLast" || node.text == "findLastIndex";
    std::size_t found = 0;
    const auto each = [&] {
      const std::size_t no = Condition(node);
      if (index) {
        Add(node, Op::kIndex, 1);
      } else {
        Found(node);
      }
      found = Add(node, Op::kJump, -1);
      Land(no);
    };
    if (last) {
      Backward(node, each);
    } else {
      Forward(node, each);
    }
    if (node.throws) {
      Add(node, Op::kThrow, 1, pool_.AddText("no item fulfils the condition"));
    } else {
      Add(node, Op::kConstant, 1, pool_.Add(Value::Nil()));
    }
    Land(found);
  }

  void SortBy(const Node& node) {
    if (node.children.size() > 2) {
      Compile(*node.children[2]);
      Add(node, Op::kOrder, -1);
    }
    Forward(node, [&] {
      Compile(*node.children[1]);
      Add(node, Op::kKeep, -1);
    });
    Add(node, Op::kSorted, 1);
  }

  void Reduce(const Node& node) {
    if (node.children.size() > 2) {
      Compile(*node.children[2]);
    } else {
      Add(node, Op::kItem, 1);
      Add(node, Op::kSkip, 0);
    }
    Add(node, Op::kSetAccumulator, -1);
    Forward(node, [&] {
      Compile(*node.children[1]);
      Add(node, Op::kSetAccumulator, -1);
    });
    Add(node, Op::kAccumulator, 1);
  }

  // filter, map, groupBy; sum; count and one.
  void Collector(const Node& node) {
    const std::string_view name = node.text;
    if (name == "sum") {
      Add(node, Op::kConstant, 1, pool_.Add(Value::Int(0)));
      Add(node, Op::kSetAccumulator, -1);
    }
    Forward(node, [&] {
      if (name == "filter") {
        const std::size_t no = Condition(node);
        Found(node);
        Add(node, Op::kCollect, -1);
        Land(no);
      } else if (name == "count" || name == "one") {
        const std::size_t no = Condition(node);
        Add(node, Op::kIncrement, 0);
        Land(no);
      } else {
        EachValue(node);
      }
    });
    const Op result = name == "sum"       ? Op::kAccumulator
                      : name == "count"   ? Op::kCount
                      : name == "one"     ? Op::kCountIsOne
                      : name == "groupBy" ? Op::kGroups
                                          : Op::kCollected;
    Add(node, result, 1);
  }

  void EachValue(const Node& node) {
    if (node.children.size() > 1) {
      Compile(*node.children[1]);
    } else {
      Add(node, Op::kItem, 1);
    }
    Add(node,
        node.text == "sum"   ? Op::kAddItem
        : node.text == "map" ? Op::kCollect
                             : Op::kKeep,
        -1);
  }

  const EnvironmentType& environment_;
  FieldTable& fields_;
  Code& code_;
  ConstantPool pool_;
  std::vector<Variable> variables_;
  std::vector<Chain> chains_;
  std::size_t depth_ = 0;
  std::size_t loops_ = 0;
  Fault fault_;
};

}  // namespace

Fault Emit(const Tree& tree, const EnvironmentType& environment, FieldTable& fields, Code& code) {
  return Compiler(environment, fields, code).Run(*tree.root);
}

}  // namespace penstock::expr
