#include "telemetry/log.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/thread.h"

namespace penstock {
namespace {

using namespace std::chrono_literals;

class ManualClock final : public Clock {
 public:
  Time Now() const override { return now_; }
  std::int64_t WallMs() const override { return 0; }
  void Advance(Duration by) { now_ += by; }

 private:
  Time now_{1h};
};

// A log file of the test; logging goes back to standard error at the end.
class LogFile {
 public:
  explicit LogFile(LogOptions options)
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("penstock-log-test-{}", getpid())) {
    EXPECT_TRUE(InitLoggingToFile(std::move(options), path_).ok());
  }
  ~LogFile() {
    InitLogging({});
    std::filesystem::remove(path_);
  }
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

 private:
  std::filesystem::path path_;
};

TEST(LogTest, TextIsASentenceAndItsFields) {
  const LogOptions options{.service = "sink"};
  EXPECT_EQ(
      FormatLogLine(options, 1'710'498'151'123, LogLevel::kWarn, "ClickHouse does not answer.",
                    {{"host", "ch-0:8123"},
                     {"attempt", 3},
                     {"left", 18'446'744'073'709'551'615ULL},
                     {"ratio", 0.5},
                     {"secure", true},
                     {"pause", 1500ms},
                     {"detail", "broken \"pipe\"\nat 3 = x"},
                     {"empty", ""}}),
      "2024-03-15T10:22:31.123Z warn  [sink] ClickHouse does not answer. host=ch-0:8123 "
      "attempt=3 left=18446744073709551615 ratio=0.5 secure=true pause=1s500ms "
      "detail=\"broken \\\"pipe\\\"\\nat 3 = x\" empty=\"\"");
}

TEST(LogTest, JsonIsAnObject) {
  const LogOptions options{.format = LogFormat::kJson, .service = "sink"};
  EXPECT_EQ(FormatLogLine(options, 0, LogLevel::kError, "No such table.",
                          {{"table", "a.b"},
                           {"code", 60},
                           {"ratio", std::numeric_limits<double>::infinity()},
                           {"pause", 2s}}),
            R"({"time":"1970-01-01T00:00:00.000Z","level":"error","service":"sink",)"
            R"("message":"No such table.","table":"a.b","code":60,"ratio":"inf","pause":"2s"})");
}

// Whatever bytes a value has: one line, valid JSON, and valid UTF-8 comes back as it was.
TEST(LogTest, AnyBytesStayOneLineOfValidJson) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937 random(seed);
    std::string value(random() % 20, '\0');
    for (char& c : value) {
      c = static_cast<char>(seed % 2 == 0 ? random() % 128 : random() % 256);
    }
    const std::string json = FormatLogLine({.format = LogFormat::kJson}, 0, LogLevel::kInfo,
                                           "Message.", {{"value", value}});
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << json;
    if (seed % 2 == 0) {
      ASSERT_EQ(parsed["value"].get<std::string>(), value);
    }
    const std::string text = FormatLogLine({}, 0, LogLevel::kInfo, "Message.", {{"value", value}});
    for (const std::string& line : {json, text}) {
      ASSERT_EQ(line.find_first_of(std::string("\n\r\0", 3)), std::string::npos);
    }
  }
}

TEST(LogTest, BelowTheLevelNothingIsWritten) {
  const LogFile file({.level = LogLevel::kWarn});
  Log(LogLevel::kInfo, "Not this.");
  Log(LogLevel::kWarn, "But this.");
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
  const auto lines = file.Lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].ends_with("warn  But this."));
}

TEST(LogTest, LinesOfManyThreadsStayWhole) {
  constexpr int kThreads = 4;
  constexpr int kLines = 250;
  const LogFile file({.format = LogFormat::kJson});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.push_back(StartThread("logger", [t](std::stop_token) {
        for (int i = 0; i < kLines; ++i) Log(LogLevel::kInfo, "Line.", {{"thread", t}, {"i", i}});
      }));
    }
  }
  std::set<std::pair<int, int>> seen;
  for (const std::string& line : file.Lines()) {
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    ASSERT_FALSE(parsed.is_discarded()) << line;
    seen.emplace(parsed["thread"].get<int>(), parsed["i"].get<int>());
  }
  EXPECT_EQ(seen.size(), std::size_t{kThreads * kLines});
}

TEST(LogTest, LevelsAndFormatsAreNamed) {
  for (const char* name : {"debug", "info", "warn", "error"}) {
    EXPECT_EQ(ToText(ParseLogLevel(name).value()), name);
  }
  EXPECT_EQ(ParseLogLevel("loud").error().detail,
            "\"loud\" is no log level: debug, info, warn or error");
  EXPECT_EQ(ParseLogFormat("xml").error().detail, "\"xml\" is no log format: text or json");
}

TEST(LogTest, AFileThatCannotBeWrittenIsAnError) {
  const Status opened = InitLoggingToFile({}, "/proc/no/such/file");
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, "log");
}

TEST(LogEveryTest, OneLineAnIntervalForEachKey) {
  const LogFile file({});
  ManualClock clock;
  LogEvery every(60s, clock);
  EXPECT_TRUE(every.LogFor("a", LogLevel::kWarn, "Paused.", {{"shard", 1}}));
  EXPECT_TRUE(every.LogFor("b", LogLevel::kWarn, "Paused."));
  for (int i = 0; i < 7; ++i) {
    clock.Advance(5s);
    EXPECT_FALSE(every.LogFor("a", LogLevel::kWarn, "Paused.", {{"shard", 1}}));
  }
  clock.Advance(25s);
  EXPECT_TRUE(every.LogFor("a", LogLevel::kWarn, "Paused.", {{"shard", 1}}));
  clock.Advance(60s);
  EXPECT_TRUE(every.LogFor("a", LogLevel::kWarn, "Paused.", {{"shard", 1}}));
  every.Reset("a");
  EXPECT_TRUE(every.LogFor("a", LogLevel::kWarn, "Paused.", {{"shard", 1}}));
  const auto lines = file.Lines();
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_TRUE(lines[2].ends_with("Paused. shard=1 suppressed=7")) << lines[2];
  EXPECT_TRUE(lines[3].ends_with("Paused. shard=1")) << lines[3];
  EXPECT_TRUE(lines[4].ends_with("Paused. shard=1")) << lines[4];
}

TEST(LogEveryTest, KeysAreBounded) {
  const LogFile file({.level = LogLevel::kError});
  ManualClock clock;
  LogEvery every(60s, clock);
  for (int i = 0; i < 5000; ++i) {
    clock.Advance(1ms);
    EXPECT_TRUE(every.LogFor(std::to_string(i), LogLevel::kError, "x"));
  }
  // The newest are remembered, the oldest were forgotten.
  EXPECT_FALSE(every.LogFor("4999", LogLevel::kError, "x"));
  EXPECT_TRUE(every.LogFor("0", LogLevel::kError, "x"));
}

}  // namespace
}  // namespace penstock
