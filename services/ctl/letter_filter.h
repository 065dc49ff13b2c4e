#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/dead_letter.h"

namespace penstock::ctl {

/// Which dead letters a command is about: all conditions hold. Plain data after Add.
class LetterFilter {
 public:
  /// `FIELD OP VALUE` without blanks: "code=469", "partition!=3", "time>=2024-03-15T10:00:00Z",
  /// "time>=-1h" (ago), "error~timeout" (has that text). `now_ms` is the wall clock. Error code
  /// "usage": the detail says what is wrong and what would be right.
  Status Add(std::string_view condition, std::int64_t now_ms);

  bool empty() const { return conditions_.empty(); }
  bool Matches(const DeadLetter& letter) const;

  /// "code, column, …": for help and errors.
  static std::string FieldNames();

 private:
  enum class Operator : std::uint8_t { kEqual, kUnequal, kLess, kAtMost, kMore, kAtLeast, kHas };
  struct Condition {
    std::size_t field = 0;
    Operator op = Operator::kEqual;
    std::string text;
    std::int64_t number = 0;
  };

  static bool Holds(const Condition& condition, const DeadLetter& letter);

  std::vector<Condition> conditions_;
};

}  // namespace penstock::ctl
