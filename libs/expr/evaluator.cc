#include "expr/evaluator.h"

#include <algorithm>

#include "base/check.h"
#include "base/format.h"
#include "expr/arithmetic.h"
#include "expr/code.h"
#include "expr/compare.h"
#include "expr/fetch.h"
#include "expr/loop.h"
#include "expr/method.h"
#include "expr/number_text.h"
#include "expr/source_error.h"

namespace penstock::expr {

namespace {

bool IsTrue(Context& context, const Value& value) {
  if (value.kind == Kind::kBool) return value.boolean;
  context.Fail(fmt::format("a boolean is needed here, found {}", NameOf(value)));
  return false;
}

Value Range(Context& context, const Value& from, const Value& to) {
  const std::int64_t first = AsIndex(context, from);
  const std::int64_t last = AsIndex(context, to);
  if (context.failed()) return Value::Nil();
  const auto span = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
  const std::uint64_t size = last < first ? 0 : span + 1;
  // A range over all integers has a size of 0 by wrapping.
  if (!context.Charge(last >= first && size == 0 ? UINT64_MAX : size)) return Value::Nil();
  Value* const items = context.NewItems(size);
  if (items == nullptr) return Value::Nil();
  for (std::uint64_t i = 0; i < size; ++i) {
    items[i] = Value::Int(static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + i));
  }
  return Value::Array({items, size}, ArrayOf::kInt);
}

// `needle in from..to` without the range; the budget is used all the same.
Value InRange(Context& context, const Value& needle, const Value& from, const Value& to) {
  const std::int64_t first = AsIndex(context, from);
  const std::int64_t last = AsIndex(context, to);
  if (context.failed() || last < first) return Value::Bool(false);
  const auto span = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
  if (!context.Charge(span == UINT64_MAX ? span : span + 1)) return Value::Nil();
  if (!needle.IsNumber()) return Value::Bool(false);
  const auto number = TruncatedNumber(needle);
  const bool whole = number && Equal(context, Value::Int(*number), needle);
  return Value::Bool(whole && *number >= first && *number <= last);
}

Value InSet(Context& context, const Value& needle, const LiteralSet& set) {
  if (set.of_integers) {
    // Nil is where an integer was promised: the reference takes it for 0.
    if (needle.kind != Kind::kInt && needle.kind != Kind::kNil) {
      return context.Fail(fmt::format("the items are integers, found {}", NameOf(needle)));
    }
    const std::int64_t integer = needle.kind == Kind::kNil ? 0 : needle.integer;
    return Value::Bool(std::binary_search(set.integers.begin(), set.integers.end(), integer));
  }
  if (!needle.IsString() && needle.kind != Kind::kNil) {
    return context.Fail(
        fmt::format("the items are strings, found {}; make a string of it first", NameOf(needle)));
  }
  const std::string_view text = needle.IsString() ? needle.string() : "";
  return Value::Bool(std::binary_search(set.strings.begin(), set.strings.end(), text));
}

Value EqualAs(Context& context, const Value& a, const Value& b, Kind kind) {
  if (a.kind != kind || b.kind != kind) {
    return context.Fail(
        fmt::format("'==' was promised values of one kind, found {} and {}", NameOf(a), NameOf(b)));
  }
  return Value::Bool(kind == Kind::kInt ? a.integer == b.integer : a.string() == b.string());
}

Value MapOfStack(Context& context, const Value* values, std::size_t count) {
  if (!context.Charge(count) || !context.Room(count * sizeof(Entry))) return Value::Nil();
  auto* const entries = context.arena().Make<Entry>(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Of equal keys the last one in the array counts, the first one in the text.
    entries[count - 1 - i] = {values[2 * i], values[2 * i + 1]};
    if (!values[2 * i].IsString()) {
      return context.Fail(fmt::format("a key must be a string, found {}", NameOf(values[2 * i])));
    }
  }
  return Value::Map({entries, SortEntries(entries, count)});
}

// contains, startsWith, endsWith; false when a side is nil.
Value TextTest(Context& context, Op op, const Value& text, const Value& part) {
  if (text.IsNil() || part.IsNil()) return Value::Bool(false);
  if (!text.IsString() || !part.IsString()) {
    return context.Fail(fmt::format("{} needs two strings, found {} and {}",
                                    op == Op::kContains     ? "contains"
                                    : op == Op::kStartsWith ? "startsWith"
                                                            : "endsWith",
                                    NameOf(text), NameOf(part)));
  }
  if (op == Op::kStartsWith) return Value::Bool(text.string().starts_with(part.string()));
  if (op == Op::kEndsWith) return Value::Bool(text.string().ends_with(part.string()));
  return Value::Bool(text.string().find(part.string()) != std::string_view::npos);
}

Value MatchText(Context& context, const Value& text, const Regex& regex) {
  if (text.IsNil()) return Value::Bool(false);
  if (!text.IsString()) {
    return context.Fail(fmt::format("matches needs a string on its left, found {}", NameOf(text)));
  }
  return Value::Bool(regex.Matches(text.string()));
}

Value MatchPattern(Context& context, const Value& text, const Value& pattern,
                   RegexCache& patterns) {
  if (text.IsNil() || pattern.IsNil()) return Value::Bool(false);
  if (!pattern.IsString()) {
    return context.Fail(fmt::format("a pattern must be a string, found {}", NameOf(pattern)));
  }
  const Regex& regex = patterns.Find(pattern.string());
  if (!regex.error().empty()) return context.Fail(regex.error());
  return MatchText(context, text, regex);
}

Value CallAny(Context& context, const Value& callee, std::span<const Value> arguments) {
  if (callee.kind == Kind::kMethod) return CallMethod(context, *callee.method, arguments);
  return context.Fail(callee.IsNil() ? "there is no such function"
                                     : fmt::format("{} cannot be called", NameOf(callee)));
}

// The machine that runs one program over one row. The first element of the stack and of the loops
// is never used: there the two pointers stand when there is nothing.
class Machine {
 public:
  Machine(Context& context, const Code& code, Row& row, RegexCache& patterns, Value* stack,
          Value* variables, Loop* loops)
      : context_(context),
        code_(code),
        row_(row),
        patterns_(patterns),
        bottom_(stack),
        top_(stack),
        variables_(variables),
        loop_(loops) {}

  // Null: it failed, and `at()` says where.
  const Value* Run() {
    const Instruction* const begin = code_.instructions.data();
    const Instruction* const end = begin + code_.instructions.size();
    for (next_ = begin; next_ != end;) {
      const Instruction& instruction = *next_++;
      if (!context_.Work(1)) return nullptr;
      Step(instruction);
      if (context_.failed()) return nullptr;
    }
    PENSTOCK_CHECK(top_ == bottom_ + 1, "an expression leaves one value on the stack");
    return top_;
  }
  std::size_t at() const { return (next_ - 1)->at; }

 private:
  void Push(const Value& value) { *++top_ = value; }
  void Jump(const Instruction& instruction) {
    next_ = code_.instructions.data() + instruction.argument;
  }
  void JumpIf(const Instruction& instruction, bool condition) {
    if (condition) Jump(instruction);
  }
  template <typename Operation>
  void Two(Operation operation) {
    --top_;
    *top_ = operation(context_, top_[0], top_[1]);
  }
  template <typename Test>
  void Ordered(std::string_view op, Test test) {
    --top_;
    if (top_[0].kind == Kind::kFloat && top_[1].IsInteger()) {
      const auto right = static_cast<double>(top_[1].integer);
      *top_ = Value::Bool(test(top_[0].number < right    ? Order::kLess
                               : top_[0].number > right  ? Order::kMore
                               : top_[0].number == right ? Order::kEqual
                                                         : Order::kNone));
      return;
    }
    *top_ = Value::Bool(test(Compare(context_, top_[0], top_[1], op)));
  }

  void Step(const Instruction& instruction);
  void LoopStep(const Instruction& instruction);

  Context& context_;
  const Code& code_;
  Row& row_;
  RegexCache& patterns_;
  const Value* bottom_;
  Value* top_;
  Value* variables_;
  Loop* loop_;
  const Instruction* next_ = nullptr;
};

inline void Machine::Step(const Instruction& instruction) {
  const std::uint32_t argument = instruction.argument;
  switch (instruction.op) {
    case Op::kConstant:
      return Push(code_.constants[argument]);
    case Op::kField:
      return Push(row_.Field(context_, argument));
    case Op::kRecord:
      return Push(row_.Whole(context_));
    case Op::kLoad:
      return Push(variables_[argument]);
    case Op::kStore:
      variables_[argument] = *top_--;
      return;
    case Op::kPop:
      --top_;
      return;
    case Op::kFetch:
      return Two(Fetch);
    case Op::kFetchName:
      *top_ = FetchName(context_, *top_, code_.constants[argument]);
      return;
    case Op::kNegate:
      *top_ = Negate(context_, *top_);
      return;
    case Op::kNot:
      *top_ = Value::Bool(!IsTrue(context_, *top_));
      return;
    case Op::kEqual:
    case Op::kNotEqual:
      --top_;
      *top_ = Value::Bool(Equal(context_, top_[0], top_[1]) == (instruction.op == Op::kEqual));
      return;
    case Op::kEqualInt:
      --top_;
      *top_ = EqualAs(context_, top_[0], top_[1], Kind::kInt);
      return;
    case Op::kEqualString:
      --top_;
      *top_ = EqualAs(context_, top_[0], top_[1], Kind::kString);
      return;
    case Op::kLess:
      return Ordered("<", [](Order order) { return order == Order::kLess; });
    case Op::kMore:
      return Ordered(">", [](Order order) { return order == Order::kMore; });
    case Op::kLessOrEqual:
      return Ordered("<=",
                     [](Order order) { return order == Order::kLess || order == Order::kEqual; });
    case Op::kMoreOrEqual:
      return Ordered(">=",
                     [](Order order) { return order == Order::kMore || order == Order::kEqual; });
    case Op::kAdd:
      return Two(expr::Add);
    case Op::kSubtract:
      return Two(Subtract);
    case Op::kMultiply:
      return Two(Multiply);
    case Op::kDivide:
      return Two(Divide);
    case Op::kRemainder:
      return Two(Remainder);
    case Op::kPower:
      return Two(Power);
    case Op::kIn:
      --top_;
      *top_ = Value::Bool(IsIn(context_, top_[0], top_[1]));
      return;
    case Op::kInSet:
      *top_ = InSet(context_, *top_, code_.sets[argument]);
      return;
    case Op::kInRange:
      top_ -= 2;
      *top_ = InRange(context_, top_[0], top_[1], top_[2]);
      return;
    case Op::kRange:
      return Two(Range);
    case Op::kMatches:
      --top_;
      *top_ = MatchPattern(context_, top_[0], top_[1], patterns_);
      return;
    case Op::kMatchesConstant:
      *top_ = MatchText(context_, *top_, code_.patterns[argument]);
      return;
    case Op::kContains:
    case Op::kStartsWith:
    case Op::kEndsWith:
      --top_;
      *top_ = TextTest(context_, instruction.op, top_[0], top_[1]);
      return;
    case Op::kLength:
      return Push(Value::Int(SizeOf(context_, *top_)));
    case Op::kSlice:
      top_ -= 2;
      *top_ = Slice(context_, top_[0], top_[2], top_[1]);
      return;
    case Op::kJump:
      return Jump(instruction);
    case Op::kJumpIfTrue:
      return JumpIf(instruction, IsTrue(context_, *top_));
    case Op::kJumpIfFalse:
      return JumpIf(instruction, !IsTrue(context_, *top_));
    case Op::kPopJumpIfFalse:
      return JumpIf(instruction, !IsTrue(context_, *top_--));
    case Op::kJumpIfNil:
      if (!top_->IsNil()) return;
      top_ -= instruction.count;
      *top_ = Value::Nil();
      return Jump(instruction);
    case Op::kJumpIfNotNil:
      return JumpIf(instruction, !top_->IsNil());
    case Op::kNilIfNull:
      if (top_->IsNil()) *top_ = Value::Nil();
      return;
    case Op::kCall:
      top_ -= instruction.count;
      ++top_;
      *top_ = code_.functions[argument]->body(context_, {top_, instruction.count});
      return;
    case Op::kCallValue:
      top_ -= instruction.count;
      *top_ = CallAny(context_, top_[instruction.count], {top_, instruction.count});
      return;
    case Op::kArray:
      top_ -= argument;
      ++top_;
      *top_ = context_.Charge(argument) ? context_.NewArray({top_, argument}) : Value::Nil();
      return;
    case Op::kMap:
      top_ -= std::size_t{2} * argument;
      ++top_;
      *top_ = MapOfStack(context_, top_, argument);
      return;
    case Op::kThrow:
      context_.Fail(std::string(code_.constants[argument].string()));
      return;
    default:
      return LoopStep(instruction);
  }
}

inline void Machine::LoopStep(const Instruction& instruction) {
  switch (instruction.op) {
    case Op::kBegin:
      *++loop_ = BeginLoop(context_, *top_--);
      return;
    case Op::kJumpIfEnd:
      return JumpIf(instruction, loop_->index >= loop_->length);
    case Op::kNext:
      ++loop_->index;
      return Jump(instruction);
    case Op::kLast:
      loop_->index = loop_->length - 1;
      return;
    case Op::kJumpIfStart:
      return JumpIf(instruction, loop_->index < 0);
    case Op::kPrevious:
      --loop_->index;
      return Jump(instruction);
    case Op::kSkip:
      ++loop_->index;
      return;
    case Op::kItem:
      return Push(ItemOf(context_, *loop_));
    case Op::kIndex:
      return Push(Value::Int(loop_->index));
    case Op::kAccumulator:
      return Push(loop_->accumulator);
    case Op::kSetAccumulator:
      loop_->accumulator = *top_--;
      return;
    case Op::kAddItem:
      loop_->accumulator = expr::Add(context_, *top_, loop_->accumulator);
      --top_;
      return;
    case Op::kIncrement:
      ++loop_->count;
      return;
    case Op::kCount:
      return Push(Value::Int(loop_->count));
    case Op::kCountIsOne:
      return Push(Value::Bool(loop_->count == 1));
    case Op::kCollect:
      return Collect(context_, *loop_, *top_--);
    case Op::kCollected:
      return Push(Collected(context_, *loop_));
    case Op::kKeep: {
      const Value key = *top_--;
      Collect(context_, *loop_, key);
      return Collect(context_, *loop_, ItemOf(context_, *loop_));
    }
    case Op::kGroups:
      return Push(Groups(context_, *loop_));
    case Op::kOrder:
      loop_->descending = IsDescending(context_, *top_--);
      return;
    case Op::kSorted:
      return Push(Sorted(context_, *loop_));
    default:  // kEnd
      --loop_;
      return;
  }
}

}  // namespace

Error RowError(std::string_view source, std::size_t at, std::string_view reason) {
  const LineColumn place = PlaceOf(source, at);
  constexpr std::size_t kShown = 200;
  return {Remedy::kDeadLetter, "expression_error",
          fmt::format("{}{}: {}:{}: {}", source.substr(0, kShown),
                      source.size() > kShown ? "..." : "", place.line, place.column, reason)};
}

Result<Value> Evaluator::Evaluate(const Program& program, Row& row) {
  const Code& code = program.code();
  if (stack_.size() < code.max_stack + 1) stack_.resize(code.max_stack + 1);
  if (variables_.size() < code.variables) variables_.resize(code.variables);
  if (loops_.size() < code.max_loops + 1) loops_.resize(code.max_loops + 1);
  context_.StartExpression();
  Machine machine(context_, code, row, patterns_, stack_.data(), variables_.data(), loops_.data());
  const Value* const value = machine.Run();
  if (value != nullptr) return *value;
  fault_ = {machine.at(), context_.error()};
  return RowError(code.source, fault_.at, fault_.message);
}

Result<bool> Evaluator::Keeps(const Program& filter, Row& row) {
  PENSTOCK_ASSIGN_OR_RETURN(const Value value, Evaluate(filter, row));
  if (value.kind == Kind::kBool) return value.boolean;
  fault_ = {0, fmt::format("a filter's result must be a boolean, found {}", NameOf(value))};
  return RowError(filter.source(), fault_.at, fault_.message);
}

}  // namespace penstock::expr
