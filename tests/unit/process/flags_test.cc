#include "process/flags.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace penstock::process {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

// One flag of each kind, as a command would declare them.
struct Values {
  bool follow = false;
  std::string nats;
  std::uint16_t samples = 10;
  std::chrono::nanoseconds until_idle = 5s;
  std::string output = "text";
  std::vector<std::string> where;
  std::vector<std::string> files;
};

Flags Declare(Values& values) {
  Flags flags("penstock tap", "Shows rows going by.");
  flags.Switch("follow", "go on for ever", &values.follow).FromEnvironment();
  flags.Text("nats", "URL", "where NATS is", &values.nats).FromEnvironment().Required();
  flags.Number<std::uint16_t>("samples", "N", "how many", 1, 1000, &values.samples)
      .FromEnvironment();
  flags.Duration("until-idle", "TIME", "end after so long", &values.until_idle).FromEnvironment();
  flags.Choice("output", {"text", "json"}, "form", &values.output);
  flags.Many("where", "EXPR", "only such rows", &values.where);
  flags.Arguments("FILE…", 1, 2, &values.files);
  flags.Example("penstock tap in --nats nats://localhost:4222", "rows of the first hop");
  return flags;
}

Status Parse(Values& values, const std::vector<std::string_view>& args,
             const std::map<std::string, std::string>& environment = {}) {
  Flags flags = Declare(values);
  return flags.Parse(args, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(FlagsTest, AllKindsInBothForms) {
  Values values;
  const Status parsed =
      Parse(values, {"--follow", "--nats", "nats://a", "--samples=25", "--until-idle", "1m30s", "x",
                     "--output=json", "--where", "a > 1", "--where=b = 2", "--", "--y"});
  ASSERT_TRUE(parsed.ok()) << parsed.error().detail;
  EXPECT_TRUE(values.follow);
  EXPECT_EQ(values.nats, "nats://a");
  EXPECT_EQ(values.samples, 25);
  EXPECT_EQ(values.until_idle, 90s);
  EXPECT_EQ(values.output, "json");
  EXPECT_THAT(values.where, ElementsAre("a > 1", "b = 2"));
  EXPECT_THAT(values.files, ElementsAre("x", "--y"));
}

TEST(FlagsTest, DefaultsStandAndTheCommandLineBeatsTheEnvironment) {
  Values values;
  const Status parsed = Parse(values, {"x", "--samples", "7", "--samples", "8"},
                              {{"PENSTOCK_NATS", "nats://env"},
                               {"PENSTOCK_SAMPLES", "many"},
                               {"PENSTOCK_UNTIL_IDLE", "2s"},
                               {"PENSTOCK_FOLLOW", "true"},
                               {"PENSTOCK_OUTPUT", "json"}});
  ASSERT_TRUE(parsed.ok()) << parsed.error().detail;
  EXPECT_EQ(values.nats, "nats://env");
  EXPECT_EQ(values.samples, 8);
  EXPECT_EQ(values.until_idle, 2s);
  EXPECT_TRUE(values.follow);
  EXPECT_EQ(values.output, "text");  // Not declared as read from there.
}

TEST(FlagsTest, EachFaultSaysWhichFlagWhatIsWrongAndWhatWouldBeRight) {
  const struct {
    std::vector<std::string_view> args;
    std::map<std::string, std::string> environment;
    const char* want;
  } cases[] = {
      {{"x", "--nats=u", "--sample", "3"},
       {},
       "no such flag --sample; did you mean \"--samples\"?; penstock tap --help lists all"},
      {{"x", "-v"}, {}, "no such flag -v; flags are written --name"},
      {{"x", "--nats"}, {}, "--nats needs a value: --nats URL"},
      {{"x", "--nats=u", "--samples=0"},
       {},
       "--samples: must be a whole number from 1 to 1000, is \"0\""},
      {{"x", "--nats=u", "--samples=7x"},
       {},
       "--samples: must be a whole number from 1 to 1000, is \"7x\""},
      {{"x", "--nats=u", "--samples="},
       {},
       "--samples: must be a whole number from 1 to 1000, is \"\""},
      {{"x", "--nats=u", "--samples=99999999999999999999"},
       {},
       "--samples: must be a whole number from 1 to 1000, is \"99999999999999999999\""},
      {{"x", "--nats=u", "--until-idle=soon"},
       {},
       "--until-idle: \"soon\" is no duration; write it like 30s, 1h30m, 250ms or 7d"},
      {{"x", "--nats=u", "--until-idle=-1s"}, {}, "--until-idle: must not be negative"},
      {{"x", "--nats=u", "--output=xml"}, {}, "--output: must be text|json, is \"xml\""},
      {{"x", "--nats=u", "--follow=maybe"}, {}, "--follow: \"maybe\" is neither true nor false"},
      {{"x"}, {}, "--nats URL is missing (or PENSTOCK_NATS=…): where NATS is"},
      {{"--nats=u"}, {}, "FILE… is missing; penstock tap --help explains"},
      {{"x", "y", "z", "--nats=u"}, {}, "\"z\" is one word too many; penstock tap --help explains"},
      {{"x", "--nats=u"},
       {{"PENSTOCK_SAMPLES", "many"}},
       "environment variable PENSTOCK_SAMPLES: must be a whole number from 1 to 1000, is \"many\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    Values values;
    const Status parsed = Parse(values, c.args, c.environment);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().code, "usage");
    EXPECT_EQ(parsed.error().detail, c.want);
  }
}

TEST(FlagsTest, HelpWinsOverEveryFault) {
  for (const std::string_view word : {"--help", "-h", "--version"}) {
    Values values;
    Flags flags = Declare(values);
    const std::vector<std::string_view> args = {"--no-such", word};
    ASSERT_TRUE(flags.Parse(args).ok());
    EXPECT_EQ(flags.version_wanted(), word == "--version");
    EXPECT_EQ(flags.help_wanted(), word != "--version");
  }
  Values values;
  const Status behind = Parse(values, {"--nats=u", "--", "--help"});
  ASSERT_TRUE(behind.ok());
  EXPECT_THAT(values.files, ElementsAre("--help"));
}

TEST(FlagsTest, HelpShowsFlagsDefaultsVariablesAndExamples) {
  Values values;
  const std::string help = Declare(values).Help();
  EXPECT_THAT(help,
              testing::StartsWith("Shows rows going by.\n\nUsage: penstock tap [flags] FILE…\n"));
  EXPECT_THAT(help, HasSubstr("  # rows of the first hop\n"
                              "  penstock tap in --nats nats://localhost:4222\n"));
  EXPECT_THAT(help,
              HasSubstr("  --samples N                 how many [10] (also PENSTOCK_SAMPLES)\n"));
  EXPECT_THAT(help, HasSubstr("where NATS is (required) (also PENSTOCK_NATS)\n"));
  EXPECT_THAT(help, HasSubstr("--output text|json"));
  EXPECT_THAT(help, HasSubstr("[5s]"));
}

}  // namespace
}  // namespace penstock::process
