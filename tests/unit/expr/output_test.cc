#include "expr/output.h"

#include <string>

#include <gmock/gmock.h>

#include "expr/record_row.h"
#include "unit/expr/expr_fixture.h"

namespace penstock::expr {
namespace {

using ::testing::HasSubstr;

// The record that a transformation makes, or the error.
std::string Transform(const std::vector<OutputSpec>& specs, std::string_view record) {
  FieldTable fields;
  const auto outputs = Outputs::Make(specs, fields);
  if (!outputs.ok()) return outputs.error().detail;
  Evaluator evaluator;
  RecordRow row(fields);
  if (const Status read = row.Read(evaluator.context(), record); !read.ok()) {
    return read.error().detail;
  }
  std::vector<Value> values;
  if (const Status done = outputs.value().Evaluate(evaluator, row, values); !done.ok()) {
    return done.error().detail;
  }
  std::string written;
  const Status done = outputs.value().AppendRecord(evaluator, values, written);
  return done.ok() ? written : done.error().detail;
}

TEST(OutputTest, MembersAreSortedAndTheLastOfANameCounts) {
  EXPECT_EQ(Transform({{"a", "z", "float64"}, {"1", "b", "int"}, {"upper(s)", "b", "string"}},
                      R"({"a":4,"s":"x<y"})"),
            R"({"b":"X\u003cY","z":4.0})");
}

TEST(OutputTest, WhatCannotBeConvertedNamesTheExpression) {
  EXPECT_EQ(Transform({{"s", "n", "int"}}, R"({"s":"1e3"})"),
            "s: 1:1: a string '1e3' cannot be converted to int");
  EXPECT_THAT(Transform({{"x / 0", "n", "float64"}}, R"({"x":1})"), HasSubstr("no form"));
  EXPECT_THAT(Transform({{"groupBy([1], #)", "n", "map"}}, "{}"), HasSubstr("keys"));
  EXPECT_THAT(Transform({{"x", "n", "int"}}, R"({"x":1e19})"), HasSubstr("beyond the integers"));
}

TEST(OutputTest, ACompileErrorNamesTheOutput) {
  EXPECT_THAT(Transform({{"1 +", "total", "int"}}, "{}"), HasSubstr("output 'total': 1:4:"));
}

TEST(OutputTest, ARecordMustBeAnObject) {
  for (const char* const record : {"", "[]", "5", "{\"a\":}", "{\"a\":1}x", "{\"a\":1e999}"}) {
    EXPECT_THAT(Transform({{"1", "n", "int"}}, record), ::testing::Not(HasSubstr("{\"n\"")))
        << record;
  }
  EXPECT_EQ(Transform({{"1", "n", "int"}}, "null"), R"({"n":1})");
}

}  // namespace
}  // namespace penstock::expr
