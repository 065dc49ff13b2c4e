#include "ctl/validate_command.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/build.h"

namespace penstock::ctl {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

constexpr std::string_view kGood = R"(version: v3
pipeline_id: orders
sources:
  - type: kafka
    source_id: orders
    topic: orders
    connection_params:
      brokers: ["localhost:9092"]
      protocol: PLAINTEXT
      mechanism: NO_AUTH
    schema_fields:
      - { name: id, type: int64 }
sink:
  type: clickhouse
  connection_params: { host: localhost, database: default, username: u, password: secret-word }
  table: orders
  mapping:
    - { name: id, column_name: id, column_type: Int64 }
)";

constexpr std::string_view kOtlp = R"(pipeline_id: orders
sources:
  - type: otlp.logs
    source_id: orders
sink:
  type: clickhouse
  connection_params: { host: localhost, database: default, username: u, password: secret-word }
  table: orders
)";

// A file of the test's own, gone with it.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text) {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("penstock-ctl-" + std::to_string(getpid()) + "-" + std::to_string(++count) + ".yaml");
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string With(std::string_view from, std::string_view to) {
  std::string text(kGood);
  text.replace(text.find(from), from.size(), to);
  return text;
}

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome Penstock(const std::vector<std::string_view>& args) {
  CaptureStdout();
  CaptureStderr();
  const int code = RunPenstock(args);
  // The code prints with stdio, which keeps text back.
  fflush(stdout);
  Outcome outcome{code, GetCapturedStdout(), GetCapturedStderr()};
  return outcome;
}

TEST(ValidateCommand, AGoodFileIsSaidToBeGood) {
  const TemporaryFile file(kGood);
  const Outcome outcome = Penstock({"validate", file.path()});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, file.path() + ": valid: pipeline orders\n");
}

TEST(ValidateCommand, EveryFaultOfEveryFileHasItsLine) {
  const TemporaryFile good(kGood);
  const TemporaryFile bad(With("table: orders", "tabel: orders"));
  const Outcome outcome = Penstock({"validate", bad.path(), good.path()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr(bad.path() + ":16:3: fault: sink.tabel"));
  EXPECT_THAT(outcome.out, HasSubstr(bad.path() + ": 2 faults\n"));
  EXPECT_THAT(outcome.out, HasSubstr(good.path() + ": valid"));
}

TEST(ValidateCommand, WhatIsNotBuiltYetIsAWarning) {
  const TemporaryFile file(kOtlp);
  const Outcome outcome = Penstock({"validate", file.path()});
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(":3:11: warning: sources[0].type"),
                                 HasSubstr("which this version cannot run")));
}

TEST(ValidateCommand, JsonHasOneObjectAFile) {
  const TemporaryFile file(kGood);
  const Outcome outcome =
      Penstock({"validate", "--format", "json", file.path(), "/nowhere/at/all.yaml"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr(R"("valid": true, "pipeline_id": "orders")"));
  EXPECT_THAT(outcome.out, HasSubstr(R"("file": "/nowhere/at/all.yaml", "valid": false)"));
}

TEST(PlanCommand, ShowsStagesAndNoSecret) {
  const TemporaryFile file(kGood);
  for (const std::string_view output : {"text", "json"}) {
    const Outcome outcome = Penstock({"plan", file.path(), "--output", output, "--cpus", "4"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("ingestor-orders"));
    EXPECT_EQ(outcome.out.find("secret-word"), std::string::npos);
  }
}

TEST(PlanCommand, AFaultyFileHasNoPlan) {
  const TemporaryFile file(With("pipeline_id: orders", "pipeline_id: o"));
  const Outcome outcome = Penstock({"plan", file.path()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr(":2:14: pipeline_id"));
}

TEST(Penstock, AWrongCommandOrFlagIsAnErrorOfUsage) {
  const Outcome command = Penstock({"valdate", "x"});
  EXPECT_EQ(command.code, 2);
  EXPECT_THAT(command.err, HasSubstr("valdate"));
  const Outcome flag = Penstock({"plan", "x", "--outptu", "json"});
  EXPECT_EQ(flag.code, 2);
  EXPECT_THAT(flag.err, HasSubstr("--outptu"));
}

TEST(Penstock, EveryCommandExplainsItselfWithExamples) {
  const std::vector<std::vector<std::string_view>> commands = {
      {"help", "validate"}, {"help", "plan"}, {"help", "run"}, {"dlq", "list", "--help"}};
  for (const auto& words : commands) {
    const Outcome outcome = Penstock(words);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("Examples:\n")) << outcome.out;
  }
  EXPECT_THAT(Penstock({"--help"}).out, AllOf(HasSubstr("validate"), HasSubstr("dlq list")));
  EXPECT_THAT(Penstock({"--version"}).out, HasSubstr("penstock "));
}

}  // namespace
}  // namespace penstock::ctl
