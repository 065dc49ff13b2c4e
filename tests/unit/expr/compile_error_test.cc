#include <string>

#include <gmock/gmock.h>

#include "unit/expr/expr_fixture.h"

namespace penstock::expr {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using CompileErrorTest = ExprTest;

std::string Repeat(std::string_view part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST_F(CompileErrorTest, ShowsThePlaceWithACaret) {
  EXPECT_EQ(CompileError("amount = 5"),
            "1:8: expected an operator or the end of the expression, found '='\n"
            "  amount = 5\n"
            "         ^");
  EXPECT_EQ(CompileError("é +\n  \"a\" * 2"),
            "2:7: '*' cannot take a string and an integer\n"
            "    \"a\" * 2\n"
            "        ^");
}

TEST_F(CompileErrorTest, CutsALongLineAroundTheCaret) {
  const std::string error = CompileError(Repeat("x + ", 100) + "?" + Repeat(" + x", 100));
  EXPECT_THAT(error, StartsWith("1:401: expected a value, found '?'"));
  EXPECT_LT(error.size(), 350U);
}

TEST_F(CompileErrorTest, SaysWhatWouldBeRight) {
  EXPECT_THAT(CompileError("1.5 % 2"), HasSubstr("make integers of them with int()"));
  EXPECT_THAT(CompileError("\"\\d\""), HasSubstr("write \\\\ for a backslash"));
  EXPECT_THAT(CompileError("upper()"), HasSubstr("upper takes 1 argument, found 0"));
  EXPECT_THAT(CompileError("split(\"a\")"), HasSubstr("split takes 2 to 3 arguments, found 1"));
  EXPECT_THAT(CompileError("s matches \"(\""), HasSubstr("this is no pattern (RE2 syntax)"));
  EXPECT_THAT(CompileError("x ?? 1 + 2"), HasSubstr("put one of the two in parentheses"));
  EXPECT_THAT(CompileError("9223372036854775808"), HasSubstr("no integer of 64 bits"));
  EXPECT_THAT(CompileError("/* no end"), HasSubstr("*/ is missing"));
}

TEST_F(CompileErrorTest, DeepNestingIsAnError) {
  for (const std::string_view bracket : {"(", "[", "-", "not ", "{a: ", "f(", "x ? ", "let a = "}) {
    EXPECT_THAT(CompileError(Repeat(bracket, 10'000) + "1"), HasSubstr("nested too deeply"))
        << bracket;
  }
  EXPECT_THAT(CompileError(Repeat("(", 10'000) + "1" + Repeat(")", 10'000)),
              HasSubstr("nested too deeply"));
  EXPECT_EQ(CompileError(Repeat("(", 300) + "1" + Repeat(")", 300)), "");
}

TEST_F(CompileErrorTest, LongExpressionsHaveABound) {
  EXPECT_EQ(Eval(Repeat("n + ", 1400) + "n", R"({"n":1})"), "1401");
  EXPECT_THAT(CompileError(Repeat("x + ", 3000) + "x"), HasSubstr("nested too deeply"));
  EXPECT_THAT(CompileError("[" + Repeat("1,", 10'001) + "]"), HasSubstr("more than 10000 parts"));
  EXPECT_THAT(CompileError(Repeat("(", 60) + "x" + Repeat(" ?: x)", 60)), HasSubstr("?:"));
}

TEST_F(CompileErrorTest, AnythingOfBytesIsReadOrRefused) {
  EXPECT_THAT(CompileError("\xFF"), HasSubstr("has no meaning here"));
  EXPECT_THAT(CompileError(std::string("a\0b", 3)), HasSubstr("has no meaning here"));
  EXPECT_EQ(Eval("\"\xFF\" == \"\\ufffd\""), "true");
}

}  // namespace
}  // namespace penstock::expr
