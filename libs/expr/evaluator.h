#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "expr/context.h"
#include "expr/program.h"
#include "expr/regex.h"
#include "expr/source_error.h"
#include "expr/value.h"

namespace penstock::expr {

/// Where an expression finds the fields of the row it is evaluated over.
class Row {
 public:
  virtual ~Row() = default;
  /// The field in that slot of the program's FieldTable; nil when the row does not have it.
  virtual Value Field(Context& context, std::uint32_t slot) = 0;
  /// The whole record as a map.
  virtual Value Whole(Context& context) = 0;
};

/// What a function over an array keeps while it runs.
struct Loop {
  Value collection;
  std::int64_t index = 0;
  std::int64_t length = 0;
  std::int64_t count = 0;
  Value accumulator;
  Value* built = nullptr;
  std::size_t built_size = 0;
  std::size_t built_room = 0;
  bool descending = false;
};

/// Evaluates programs. One owner thread; keeps its memory from row to row.
class Evaluator {
 public:
  explicit Evaluator(const Clock& clock = SystemClock(), Budget budget = {})
      : context_(clock, budget) {}

  /// Ends the values of the row before, and begins the next one.
  void StartRow() { context_.StartRow(); }

  /// The value lives until StartRow, and as long as the program and what the row borrows. Error:
  /// kDeadLetter, code "expression_error", the expression and why it failed.
  Result<Value> Evaluate(const Program& program, Row& row);

  /// A filter's verdict: a result that is no boolean is an error, too.
  Result<bool> Keeps(const Program& filter, Row& row);

  /// Where and why the last failed evaluation did: to show it with a caret (source_error.h).
  const SourceError& fault() const { return fault_; }

  Context& context() { return context_; }

 private:
  Context context_;
  std::vector<Value> stack_;
  std::vector<Value> variables_;
  std::vector<Loop> loops_;
  RegexCache patterns_;
  SourceError fault_;
};

/// The error of a row: the expression, its place in it, the reason.
Error RowError(std::string_view source, std::size_t at, std::string_view reason);

}  // namespace penstock::expr
