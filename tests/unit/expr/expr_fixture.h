#pragma once

#include <map>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "expr/evaluator.h"
#include "expr/json_writer.h"
#include "expr/program.h"
#include "expr/record_row.h"

namespace penstock::expr {

/// Evaluates one expression over one record.
class ExprTest : public ::testing::Test {
 protected:
  /// The result as JSON, or the error's text.
  std::string Eval(std::string_view source, std::string_view record = "{}",
                   Mode mode = Mode::kPlain) {
    EnvironmentType environment;
    environment.mode = mode;
    FieldTable fields;
    const auto program = Program::Compile(source, environment, fields);
    if (!program.ok()) return program.error().detail;
    evaluator_.StartRow();
    RecordRow row(fields);
    if (const Status read = row.Read(evaluator_.context(), record); !read.ok()) {
      return read.error().detail;
    }
    const auto value = evaluator_.Evaluate(program.value(), row);
    if (!value.ok()) return value.error().detail;
    std::string json;
    AppendJson(evaluator_.context(), json, value.value(), false);
    return evaluator_.context().failed() ? evaluator_.context().error() : json;
  }

  static std::string CompileError(std::string_view source) {
    FieldTable fields;
    const auto program = Program::Compile(source, {}, fields);
    return program.ok() ? "" : program.error().detail;
  }

  Evaluator evaluator_;
};

}  // namespace penstock::expr
