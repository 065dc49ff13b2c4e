#include <string>

#include <gmock/gmock.h>

#include "unit/expr/expr_fixture.h"

namespace penstock::expr {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using EvaluatorTest = ExprTest;

std::string Repeat(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST_F(EvaluatorTest, ARowsErrorNamesTheExpressionThePlaceAndTheReason) {
  EXPECT_EQ(Eval("qty >= 3", R"({"qty":null})"),
            "qty >= 3: 1:5: '>=' cannot take nil and an integer; give a missing field a value with "
            "??");
  EXPECT_EQ(Eval("user.name.first", R"({"user":{}})"),
            "user.name.first: 1:11: nil has no 'first'; use ?. or ?? where a field may be missing");
}

TEST_F(EvaluatorTest, ErrorsOfARowAreDeadLetters) {
  FieldTable fields;
  auto program = Program::Compile("a % 2", {}, fields);
  ASSERT_TRUE(program.ok());
  RecordRow row(fields);
  ASSERT_TRUE(row.Read(evaluator_.context(), R"({"a":4})").ok());
  const auto value = evaluator_.Evaluate(program.value(), row);
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().remedy, Remedy::kDeadLetter);
  EXPECT_EQ(value.error().code, "expression_error");
}

TEST_F(EvaluatorTest, AFiltersResultMustBeABoolean) {
  FieldTable fields;
  auto filter = Program::Compile("a", {}, fields);
  ASSERT_TRUE(filter.ok());
  RecordRow row(fields);
  ASSERT_TRUE(row.Read(evaluator_.context(), R"({"a":true})").ok());
  EXPECT_TRUE(evaluator_.Keeps(filter.value(), row).value());
  ASSERT_TRUE(row.Read(evaluator_.context(), R"({"a":1})").ok());
  EXPECT_THAT(evaluator_.Keeps(filter.value(), row).error().detail,
              HasSubstr("must be a boolean, found a float"));
}

TEST_F(EvaluatorTest, UnknownFunctionsFailWithAHint) {
  EXPECT_THAT(Eval("uper(name)"), HasSubstr("there is no function 'uper'; did you mean 'upper'?"));
  EXPECT_THAT(Eval("toInt(name)"), HasSubstr("exists in stateless transformations only"));
  EXPECT_EQ(Eval("true or nothing(1)"), "true");
}

TEST_F(EvaluatorTest, ArgumentsThatWereNotCheckedBeforeAreCheckedNow) {
  EXPECT_THAT(Eval("a[len(1, 2):]", R"({"a":[1]})"), HasSubstr("len cannot take 2 arguments"));
  EXPECT_THAT(Eval("$env[now(5)]"), HasSubstr("now needs a time zone"));
  EXPECT_THAT(Eval("a.b(bitand(1))", R"({"a":{}})"), HasSubstr("bitand cannot take 1 argument"));
}

TEST_F(EvaluatorTest, AChainThatEndsEarlyLeavesNothingBehind) {
  EXPECT_EQ(Eval(R"([1, a?.b.Add(duration("1h")), {k: a?.f(1, 2, b?.g(3)), l: 4}])"),
            R"([1,null,{"k":null,"l":4}])");
}

TEST_F(EvaluatorTest, HugeRangesExceedTheBudget) {
  EXPECT_THAT(Eval("1..1000000"), HasSubstr("memory budget exceeded"));
  EXPECT_THAT(Eval("(-9223372036854775807 - 1)..9223372036854775807"),
              HasSubstr("memory budget exceeded"));
  EXPECT_THAT(Eval("inf..1", R"({"inf":1e300})"), HasSubstr("no integer of 64 bits"));
  EXPECT_THAT(Eval("reduce(1..40, [#acc, #acc], \"x\") | toJSON()"), HasSubstr("budget exceeded"));
  EXPECT_THAT(Eval("repeat(\"ab\", 999999999999)"), HasSubstr("memory budget exceeded"));
}

TEST_F(EvaluatorTest, LongLoopsExceedTheStepBudget) {
  FieldTable fields;
  auto program = Program::Compile("any(xs, any(xs, any(xs, # < 0)))", {}, fields);
  ASSERT_TRUE(program.ok());
  Evaluator evaluator(SystemClock(), {.steps = 100'000});
  RecordRow row(fields);
  const std::string record = R"({"xs":[1)" + Repeat(",1", 99) + "]}";
  ASSERT_TRUE(row.Read(evaluator.context(), record).ok());
  const auto value = evaluator.Evaluate(program.value(), row);
  ASSERT_FALSE(value.ok());
  EXPECT_THAT(value.error().detail, HasSubstr("step budget exceeded"));
}

TEST_F(EvaluatorTest, ARowAfterAFailedOneHasItsBudgetAgain) {
  EXPECT_THAT(Eval("1..1000000"), HasSubstr("memory budget exceeded"));
  EXPECT_EQ(Eval("len(1..999999)"), "999999");
}

TEST_F(EvaluatorTest, DeepRecordsAreErrors) {
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_THAT(Eval("a", "{\"a\":" + deep + "}"), HasSubstr("nested too deeply"));
}

TEST_F(EvaluatorTest, PatternsNeverTakeLong) {
  const std::string record = "{\"s\":\"" + std::string(50'000, 'a') + "\"}";
  EXPECT_EQ(Eval("s matches \"^(a+)+$b\"", record), "false");
  EXPECT_EQ(Eval("s matches (\"(a|aa)+\" + \"$\")", record), "true");
  EXPECT_EQ(Eval("\"abc\" matches \"(?<x>b)[(?<y>]*\""), "true");
}

TEST_F(EvaluatorTest, BytesThatAreNotUtf8BecomeReplacementCharacters) {
  EXPECT_EQ(Eval("len(s)", "{\"s\":\"a\xFF\xC3\"}"), "3");
  EXPECT_EQ(Eval("s", "{\"s\":\"\xE9\"}"), "\"\xEF\xBF\xBD\"");
}

TEST_F(EvaluatorTest, IntegersBeyond2To53KeepTheirValue) {
  const std::string record = R"({"big":9007199254740993,"top":18446744073709551615,"unit":1})";
  EXPECT_EQ(Eval("big", record), "9007199254740993");
  EXPECT_EQ(Eval("top", record), "18446744073709551615");
  EXPECT_EQ(Eval("9223372036854775807 - big", record), "9214364837600034814");
  EXPECT_EQ(Eval("big + unit", record), "9007199254740994");
  EXPECT_EQ(
      Eval("[big == 9007199254740993, big == 9007199254740992, big > 9007199254740992]", record),
      "[true,false,true]");
  EXPECT_EQ(Eval("[type(big), string(big), -big < 0]", record),
            R"(["float","9007199254740993",true])");
  EXPECT_THAT(Eval("big % 2", record), HasSubstr("make integers of them with int()"));
  EXPECT_EQ(Eval("int(big) % 2", record), "1");
  EXPECT_THAT(Eval("int(top)", record), HasSubstr("beyond the integers of 64 bits"));
  EXPECT_EQ(Eval("toInt(big)", record, Mode::kGlassFlow), "9007199254740993");
}

TEST_F(EvaluatorTest, ProgramsSayWhatTheyRead) {
  FieldTable fields;
  const auto program = Program::Compile(
      R"(let x = user.address?.city; any(items, .price > limit) and x == $env["user"].id)", {},
      fields);
  ASSERT_TRUE(program.ok());
  EXPECT_THAT(program.value().uses().paths,
              ::testing::ElementsAre(FieldPath{"user", "address", "city"}, FieldPath{"items"},
                                     FieldPath{"limit"}, FieldPath{"user", "id"}));
  EXPECT_FALSE(program.value().uses().whole_record);
  EXPECT_TRUE(Program::Compile("len($env) > 3", {}, fields).value().uses().whole_record);
}

}  // namespace
}  // namespace penstock::expr
