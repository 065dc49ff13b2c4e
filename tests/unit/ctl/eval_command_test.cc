#include "ctl/eval_command.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"

namespace penstock::ctl {
namespace {

using ::testing::HasSubstr;

struct Answer {
  int code = 0;
  std::string out;
  std::string err;
};

Answer Eval(const std::vector<std::string_view>& args) {
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Answer answer;
  answer.code = EvalCommand(args);
  answer.out = ::testing::internal::GetCapturedStdout();
  answer.err = ::testing::internal::GetCapturedStderr();
  return answer;
}

TEST(EvalCommand, PrintsTheValueAndItsType) {
  EXPECT_EQ(Eval({"1 + 2"}).out, "3  (int)\n");
  EXPECT_EQ(Eval({"missing ?? 'none'"}).out, "\"none\"  (string)\n");
  EXPECT_EQ(Eval({"1 + 2", "--output-type", "string"}).out, "\"3\"  (string)\n");
}

TEST(EvalCommand, TriesEachRecordAndGoesOnAfterAFault) {
  const std::string file =
      std::filesystem::temp_directory_path() / fmt::format("eval-{}.jsonl", getpid());
  std::ofstream(file) << R"({"n":1,"s":"a"}
{"n":"x","s":"b"}
no json
{"n":3,"s":"c"}
)";
  const Answer sums = Eval({"n + 1", "--input", file});
  EXPECT_EQ(sums.code, 1);
  EXPECT_EQ(sums.out, "2  (float)\n4  (float)\n");
  EXPECT_THAT(sums.err, HasSubstr("^"));
  const Answer filter = Eval({"s", "--mode", "filter", "--input", file});
  EXPECT_THAT(filter.err, HasSubstr("a filter must give true or false"));
  EXPECT_EQ(Eval({"s", "--input", "/nowhere"}).code, 2);
  std::filesystem::remove(file);
}

TEST(EvalCommand, ShowsWhereTheTextIsWrong) {
  const Answer answer = Eval({"1 + (2 *"});
  EXPECT_EQ(answer.code, 1);
  EXPECT_THAT(answer.err, HasSubstr("^"));
}

}  // namespace
}  // namespace penstock::ctl
