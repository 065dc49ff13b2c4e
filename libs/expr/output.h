#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expr/evaluator.h"
#include "expr/field_table.h"
#include "expr/program.h"

namespace penstock::expr {

/// What a stateless transformation makes of a value. kAsIs: any type that is not one of the five.
enum class OutputType { kAsIs, kString, kInt, kFloat64, kBool };
/// "string", "int" and "int64", "float64", "bool".
OutputType OutputTypeOf(std::string_view declared);

/// The value in its output type: kString, kInt, kFloat, kBool, or as it is. Fails for what cannot
/// be converted.
Value ConvertOutput(Context& context, OutputType type, const Value& value);

/// A converted value as JSON; a float64 has a decimal at least: 4.0. Fails for what JSON has no
/// form for.
void AppendOutput(Context& context, std::string& out, OutputType type, const Value& value);

/// One output of a stateless transformation.
struct OutputSpec {
  std::string expression;
  std::string name;
  std::string type;
};

/// The outputs of a stateless transformation, which replace the record.
class Outputs {
 public:
  struct Output {
    Program program;
    std::string name;
    OutputType type = OutputType::kAsIs;
  };

  /// Of several outputs by one name the last counts; all are evaluated. Error: that of
  /// Program::Compile, with the output's name.
  static Result<Outputs> Make(const std::vector<OutputSpec>& specs, FieldTable& fields);

  const std::vector<Output>& outputs() const { return outputs_; }

  /// One value an output, converted. They live as those of Evaluator::Evaluate.
  Status Evaluate(Evaluator& evaluator, Row& row, std::vector<Value>& values) const;
  /// The record that these values are: members sorted by name. Error as of Evaluate.
  Status AppendRecord(Evaluator& evaluator, const std::vector<Value>& values,
                      std::string& out) const;

 private:
  std::vector<Output> outputs_;
};

}  // namespace penstock::expr
