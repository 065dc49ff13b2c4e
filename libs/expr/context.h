#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "expr/arena.h"
#include "expr/value.h"

namespace penstock::expr {

/// What one row may use. The item budget is the reference's.
struct Budget {
  /// Items of ranges and built arrays, entries of maps, bytes of `repeat`: must stay below.
  std::uint64_t items = 1'000'000;
  /// Bytes of the arena.
  std::size_t bytes = std::size_t{64} << 20U;
  /// Instructions, and items that functions touch: about a second.
  std::uint64_t steps = 100'000'000;
};

/// What a running expression shares with the functions it calls: memory, budget, the error.
/// One owner thread.
class Context {
 public:
  explicit Context(const Clock& clock, Budget budget = {}) : clock_(clock), budget_(budget) {}

  Arena& arena() { return arena_; }
  const Clock& clock() const { return clock_; }

  bool failed() const { return failed_; }
  const std::string& error() const { return error_; }
  /// Keeps the first error. Returns nil, so that functions can return it.
  Value Fail(std::string reason);

  /// Takes `items` from the row's budget, as the reference counts them.
  bool Charge(std::uint64_t items) {
    items_ += items;
    if (items_ < budget_.items && items < budget_.items) return true;
    return FailBudget();
  }
  /// Counts work that a single instruction does.
  bool Work(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ <= budget_.steps) return true;
    return FailSteps();
  }
  /// Whether an object of `bytes` may still be made.
  bool Room(std::size_t bytes) {
    if (bytes <= budget_.bytes && arena_.used() <= budget_.bytes - bytes && bytes < UINT32_MAX) {
      return true;
    }
    return FailBudget();
  }

  /// A string's value over a copy in the arena.
  Value NewString(std::string_view text);
  /// Uninitialised items, or null: then it has failed.
  Value* NewItems(std::size_t count) {
    if (!Room(count * sizeof(Value))) return nullptr;
    return arena_.Make<Value>(count);
  }
  Value NewArray(std::span<const Value> items, ArrayOf of = ArrayOf::kAny);

  /// Text under construction, kept from call to call. Not to be held over a call.
  std::string& scratch() {
    scratch_.clear();
    return scratch_;
  }
  /// A stack of values for functions that do not know beforehand how many they will have: note its
  /// size, push, copy, and cut it back to that size.
  std::vector<Value>& stack() { return stack_; }
  /// False when a text under construction has grown too long: then it has failed.
  bool Fits(const std::string& text) { return text.size() <= kLongestText || FailBudget(); }

  /// Forgets the error and what the budget counted: before each expression.
  void StartExpression() {
    failed_ = false;
    stack_.clear();
    items_ = 0;
    steps_ = 0;
  }
  /// Gives back the memory of the last row: all its values end.
  void StartRow() { arena_.Reset(); }

  static constexpr std::size_t kLongestText = std::size_t{32} << 20U;
  /// How deeply values may be nested where a function walks them.
  static constexpr int kMaxDepth = 1000;

 private:
  bool FailBudget();
  bool FailSteps();

  const Clock& clock_;
  Budget budget_;
  Arena arena_;
  std::string scratch_;
  std::vector<Value> stack_;
  std::string error_;
  bool failed_ = false;
  std::uint64_t items_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace penstock::expr
