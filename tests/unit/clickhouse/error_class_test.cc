#include "clickhouse/error_class.h"

#include <algorithm>
#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace penstock::clickhouse {
namespace {

TEST(ErrorClassTest, EveryCodeHasItsClass) {
  const std::map<ErrorClass, std::vector<int>> classes = {
      {ErrorClass::kTransient,
       {3,   95,  96,  107, 159, 198, 202, 203, 209, 210, 225, 236, 242, 254,
        265, 279, 285, 286, 319, 364, 384, 394, 425, 439, 473, 499, 999, 1000}},
      {ErrorClass::kMemory, {241}},
      {ErrorClass::kCapacity, {243, 201}},
      {ErrorClass::kSchema, {8, 10, 16, 20, 33, 36, 47, 60, 81, 131, 218}},
      {ErrorClass::kData,
       {6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 128, 130, 190, 321, 349, 376, 407, 441, 469}},
      {ErrorClass::kAccess, {62, 73, 115, 164, 192, 193, 194, 195, 291, 497, 516}},
      {ErrorClass::kUnknown, {1, 49, 395, 100'000}},
  };
  for (const auto& [error_class, codes] : classes) {
    for (const int code : codes) {
      // Never by status, whatever it is.
      for (const int status : {200, 400, 403, 404, 500, 503}) {
        EXPECT_EQ(ClassifyClickHouseError(code, status, ""), error_class) << code;
      }
      EXPECT_FALSE(Advice(code, error_class).empty());
    }
  }
}

TEST(ErrorClassTest, OneCodeTwoFaults) {
  const auto classify = [](std::string_view text) {
    return ClassifyClickHouseError(252, 500, text);
  };
  EXPECT_EQ(classify("Code: 252. DB::Exception: Too many partitions for single INSERT block (more "
                     "than 100). ... Merges of parts"),
            ErrorClass::kSplit);
  EXPECT_EQ(classify("Code: 252. DB::Exception: Too many parts (3000 with average size of 1 KiB) "
                     "in table 'default.t'. Merges are processing significantly slower"),
            ErrorClass::kPressure);
  EXPECT_EQ(classify("Code: 252. DB::Exception: Too many parts (100000) in all partitions in total "
                     "in table 'default.partitions'."),
            ErrorClass::kPressure);
}

TEST(ErrorClassTest, WithoutACodeTheStatusDecides) {
  for (const int status : {0, 200, 408, 429, 500, 502, 503, 504}) {
    EXPECT_EQ(ClassifyClickHouseError(0, status, ""), ErrorClass::kTransient) << status;
  }
  for (const int status : {400, 401, 403, 404, 413}) {
    EXPECT_EQ(ClassifyClickHouseError(0, status, ""), ErrorClass::kAccess) << status;
  }
}

TEST(ErrorClassTest, NamesTheColumnThatTheMessageBlames) {
  const std::vector<std::string> columns = {"a", "ab", "odd name"};
  EXPECT_EQ(NamedColumn("Code: 469. DB::Exception: Constraint `c` for table d.t is violated at row "
                        "2. Expression: (ab < 100). Column values: ab = 200. (VIOLATED_CONSTRAINT)",
                        columns),
            "ab");
  EXPECT_EQ(NamedColumn("while converting source column x to destination column `odd name`: bad",
                        columns),
            "odd name");
  EXPECT_EQ(NamedColumn("Cannot insert NULL value into a column of type 'Int8' at: a", columns),
            "a");
  EXPECT_EQ(NamedColumn("Column values: other = 1", columns), "");
  EXPECT_EQ(NamedColumn("", columns), "");
}

TEST(ErrorClassTest, ReadsTheLimitOfPartitions) {
  EXPECT_EQ(PartitionLimit("Too many partitions for single INSERT block (more than 100). The "),
            100U);
  EXPECT_EQ(PartitionLimit("Too many parts (300)"), 0U);
}

TEST(ErrorClassTest, FindsCodeAndName) {
  const std::string_view text =
      "Code: 395. DB::Exception: Value (x) is non-zero. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO) "
      "(version 26.7.2.1)";
  EXPECT_EQ(FindErrorCode(text), 395);
  EXPECT_EQ(CodeName(395, text), "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO");
  EXPECT_EQ(CodeName(60, ""), "UNKNOWN_TABLE");
  EXPECT_EQ(CodeName(395, ""), "UNKNOWN");
  EXPECT_EQ(CodeName(395, ")("), "UNKNOWN");
  EXPECT_EQ(FindErrorCode("rows\n__exception__\nCode: 241. DB::Exception: Memory"), 241);
  EXPECT_EQ(FindErrorCode("a text with Code: 5 in it"), 0);
  EXPECT_EQ(FindErrorCode("Code: "), 0);
  EXPECT_EQ(FindErrorCode("Code: 99999999999999. DB::"), 0);
}

}  // namespace
}  // namespace penstock::clickhouse
