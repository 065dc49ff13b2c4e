#include "process/commands.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "process/exit_codes.h"

namespace penstock::process {
namespace {

using testing::HasSubstr;

struct Outcome {
  int code;
  std::string out;
  std::string err;
  std::string ran;  // Which command, with which arguments.
};

Outcome Call(const std::vector<std::string_view>& args) {
  Outcome outcome;
  Commands commands("penstock", "Moves rows.");
  for (const char* name : {"validate", "run", "dlq list", "dlq show"}) {
    commands.Add({name, "does it", [&outcome, name](std::span<const std::string_view> rest) {
                    outcome.ran = fmt::format("{}({})", name, fmt::join(rest, ","));
                    return 7;
                  }});
  }
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  outcome.code = commands.Run(args);
  std::fflush(stdout);
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

TEST(CommandsTest, FindsTheCommandByOneOrMoreWords) {
  const Outcome one = Call({"run", "a.yaml", "--nats", "u"});
  EXPECT_EQ(one.code, 7);
  EXPECT_EQ(one.ran, "run(a.yaml,--nats,u)");
  EXPECT_EQ(Call({"dlq", "show", "3"}).ran, "dlq show(3)");
  EXPECT_EQ(Call({"help", "dlq", "list"}).ran, "dlq list(--help)");
}

TEST(CommandsTest, UnknownWordsMeetTheNearestCommand) {
  const Outcome misspelt = Call({"valdate"});
  EXPECT_EQ(misspelt.code, kExitUsage);
  EXPECT_EQ(misspelt.err,
            "penstock: no such command \"valdate\"; did you mean \"validate\"?; penstock --help "
            "lists all\n");
  EXPECT_THAT(Call({"dlq"}).err, HasSubstr("\"dlq\" needs another word: dlq list, dlq show"));
  EXPECT_EQ(Call({"dlq", "shw"}).code, kExitUsage);
}

TEST(CommandsTest, HelpAndVersion) {
  EXPECT_THAT(Call({"--help"}).out, HasSubstr("  dlq list        does it\n"));
  EXPECT_EQ(Call({"--help"}).code, kExitOk);
  EXPECT_EQ(Call({}).code, kExitUsage);
  EXPECT_THAT(Call({}).err, HasSubstr("Usage: penstock COMMAND"));
  EXPECT_THAT(Call({"--version"}).out, testing::MatchesRegex("penstock [0-9.]+\n"));
}

}  // namespace
}  // namespace penstock::process
