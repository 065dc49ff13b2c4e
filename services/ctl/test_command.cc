#include "ctl/test_command.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "base/format.h"
#include "config/pipeline.h"
#include "config/planner.h"
#include "ctl/command_line.h"
#include "ctl/test_cases.h"
#include "ctl/test_runner.h"
#include "process/exit_codes.h"
#include "process/flags.h"

namespace penstock::ctl {

namespace {

std::optional<std::string> ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// No server is asked, so that secrets which are not here do not matter.
config::ParseOptions WithoutSecrets() {
  config::ParseOptions options;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    return process::ProcessEnvironment(name).value_or("unset");
  };
  options.read_file = [](const std::string& path) -> Result<std::string> {
    return ReadAll(path).value_or("-----BEGIN UNSET-----");
  };
  return options;
}

std::string CasesBeside(const std::string& pipeline) {
  return std::filesystem::path(pipeline).replace_extension(".tests.yaml");
}

int Refuse(const std::vector<config::Fault>& faults, const std::string& file) {
  fmt::print(stderr, "{}\n", config::FaultsAsText(faults, file));
  return process::kExitUsage;
}

void PrintCase(const TestCase& test, const std::string& file,
               const std::vector<std::string>& differences) {
  if (differences.empty()) {
    fmt::print("ok    {}\n", test.name);
    return;
  }
  fmt::print("FAIL  {}  ({}:{})\n", test.name, file, test.line);
  for (const std::string& difference : differences) fmt::print("      {}\n", difference);
}

int RunAll(const PipelineSpec& spec, const TestCases& all, const std::string& file) {
  const PipelinePlan plan = config::MakePlan(spec);
  std::size_t passed = 0;
  for (const TestCase& test : all.cases) {
    const auto differences = RunCase(spec, plan, test);
    if (!differences.ok()) return Failed("test", differences.error());
    PrintCase(test, file, differences.value());
    if (differences.value().empty()) ++passed;
  }
  fmt::print("{} of {} cases passed\n", passed, all.cases.size());
  std::fflush(stdout);
  return passed == all.cases.size() ? process::kExitOk : process::kExitFailure;
}

}  // namespace

int TestCommand(std::span<const std::string_view> args) {
  std::vector<std::string> files;
  process::Flags flags(
      "penstock test",
      "Runs a pipeline's own cases: records in, and the rows, filtered records, duplicates and "
      "dead letters that are expected of them. By the code of the stages, without servers. Without "
      "CASES the file beside the pipeline's: orders.tests.yaml of orders.yaml. Exit code 1: a case "
      "fails; 2: a file is faulty.");
  flags.Arguments("FILE [CASES]", 1, 2, &files);
  flags.Example("penstock test orders.yaml", "the cases of orders.tests.yaml");
  flags.Example("penstock test orders.yaml cases/refunds.yaml", "those of another file");
  if (const auto over = ParseOrAnswer(flags, args, "test")) return *over;
  const config::Document document = config::ReadPipelineFile(files.front(), WithoutSecrets());
  if (!document.ok()) return Refuse(document.faults, files.front());
  if (!document.not_built_yet.empty()) return Refuse(document.not_built_yet, files.front());
  const std::string cases_file = files.size() > 1 ? files[1] : CasesBeside(files.front());
  const auto text = ReadAll(cases_file);
  if (!text) return Refuse({{"", 0, 0, "cannot be read"}}, cases_file);
  const TestCases cases = ReadTestCases(*text);
  if (!cases.faults.empty()) return Refuse(cases.faults, cases_file);
  return RunAll(document.spec, cases, cases_file);
}

}  // namespace penstock::ctl
