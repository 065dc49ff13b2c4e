#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expr/environment_type.h"
#include "expr/field_table.h"

namespace penstock::expr {

struct Code;

/// A field that an expression reads, and the members of it that it reads, as far as the
/// expression itself says: "user", then "address", "city".
using FieldPath = std::vector<std::string>;

/// What an expression reads of a record.
struct FieldUse {
  std::vector<FieldPath> paths;  ///< Each once, in order of appearance.
  bool whole_record = false;     ///< `$env` other than for one named field.
};

/// A compiled expression. Immutable: any number of threads may evaluate it.
class Program {
 public:
  /// Error code "expression": the place in the text, what is wrong there, the line and a caret.
  static Result<Program> Compile(std::string_view source, const EnvironmentType& environment,
                                 FieldTable& fields);

  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  std::string_view source() const;
  const FieldUse& uses() const;
  /// What is known of its result: kBool where a filter can only be right.
  const Type& type() const;
  const Code& code() const { return *code_; }

 private:
  explicit Program(std::unique_ptr<const Code> code);

  std::unique_ptr<const Code> code_;
};

}  // namespace penstock::expr
