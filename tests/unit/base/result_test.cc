#include "base/result.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace penstock {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Error{Remedy::kStop, "odd", fmt::format("{} is odd", number)};
  return number / 2;
}

Result<std::string> Quarter(int number) {
  PENSTOCK_ASSIGN_OR_RETURN(const int half, Half(number));
  PENSTOCK_ASSIGN_OR_RETURN(const int quarter, Half(half));
  PENSTOCK_RETURN_IF_ERROR(Half(0));
  return std::to_string(quarter);
}

TEST(ResultTest, ErrorsTravelThroughTheMacros) {
  EXPECT_EQ(Quarter(12).value(), "3");
  const auto failed = Quarter(6);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().detail, "3 is odd");
  EXPECT_EQ(Quarter(6).error().Within("quarter of 6").detail, "quarter of 6: 3 is odd");
}

TEST(ResultTest, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(3));
  EXPECT_EQ(*std::move(result).value(), 3);
}

TEST(ResultDeathTest, TheWrongQuestionIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH((void)Half(1).value(), "value\\(\\) of a failed Result");
  EXPECT_DEATH((void)Half(2).error(), "error\\(\\) of a good Result");
}

}  // namespace
}  // namespace penstock
