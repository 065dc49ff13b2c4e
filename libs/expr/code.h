#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "expr/function.h"
#include "expr/program.h"
#include "expr/regex.h"
#include "expr/value.h"

namespace penstock::expr {

/// One stack machine's instructions. "top" is the last value on the stack; an operand that is
/// read is taken off, unless it says "keeps".
enum class Op : std::uint8_t {
  kConstant,  ///< argument: constant
  kField,     ///< argument: slot
  kRecord,    ///< $env
  kLoad,      ///< argument: variable
  kStore,
  kPop,
  kFetch,      ///< base, key
  kFetchName,  ///< base; argument: constant, a string
  kNegate,
  kNot,
  kEqual,
  kNotEqual,
  kEqualInt,     ///< Both must be integers...
  kEqualString,  ///< ...or strings, as the checker was promised.
  kLess,
  kMore,
  kLessOrEqual,
  kMoreOrEqual,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kPower,
  kIn,
  kInSet,    ///< argument: set
  kInRange,  ///< needle, from, to
  kRange,
  kMatches,
  kMatchesConstant,  ///< argument: pattern
  kContains,
  kStartsWith,
  kEndsWith,
  kLength,       ///< Of the top, which it keeps.
  kSlice,        ///< base, to, from
  kJump,         ///< argument: the instruction to go on with; the same for all jumps
  kJumpIfTrue,   ///< Keeps the top, which must be a boolean.
  kJumpIfFalse,  ///< Keeps it, too.
  kPopJumpIfFalse,
  kJumpIfNil,     ///< Keeps the top; where it jumps it takes off `count` values under it.
  kJumpIfNotNil,  ///< Keeps the top.
  kNilIfNull,     ///< An array or map without storage becomes nil.
  kCall,          ///< argument: function; count: its arguments
  kCallValue,     ///< arguments, callee; count
  kArray,         ///< argument: items
  kMap,           ///< argument: entries, a key and a value each
  kBegin,         ///< Opens a loop over the top.
  kJumpIfEnd,
  kNext,  ///< On to the next item and back to `argument`.
  kLast,  ///< Starts from the end.
  kJumpIfStart,
  kPrevious,
  kSkip,  ///< On to the next item.
  kItem,
  kIndex,
  kAccumulator,
  kSetAccumulator,
  kAddItem,  ///< Adds the top to the accumulator.
  kIncrement,
  kCount,  ///< Pushes it.
  kCountIsOne,
  kCollect,    ///< Adds the top to what the loop builds.
  kCollected,  ///< Pushes that as an array.
  kKeep,       ///< As kCollect, of the top (the key) with the item.
  kGroups,     ///< Pushes what kKeep kept, by key...
  kOrder,      ///< The top is "asc" or "desc".
  kSorted,     ///< ...or in the order of the keys.
  kEnd,        ///< Closes the loop.
  kThrow,      ///< argument: constant, the reason
};

struct Instruction {
  Op op = Op::kPop;
  std::uint8_t count = 0;
  std::uint32_t argument = 0;
  std::uint32_t at = 0;  ///< In the source: for errors.
};

/// The literals of `x in [...]`, sorted.
struct LiteralSet {
  std::vector<std::string_view> strings;
  std::vector<std::int64_t> integers;
  bool of_integers = false;
};

struct Code {
  std::string source;
  std::vector<Instruction> instructions;
  std::vector<Value> constants;
  std::deque<std::string> texts;
  std::deque<std::vector<Value>> arrays;
  std::deque<Regex> patterns;
  std::deque<LiteralSet> sets;
  std::vector<const Function*> functions;
  FieldUse uses;
  Type type;
  std::size_t variables = 0;
  std::size_t max_stack = 0;
  std::size_t max_loops = 0;
};

}  // namespace penstock::expr
