#include "ctl/validate_command.h"

#include <cstdio>
#include <vector>

#include "base/format.h"
#include "base/text.h"
#include "config/fault.h"
#include "ctl/command_line.h"
#include "process/exit_codes.h"

namespace penstock::ctl {

namespace {

// "FILE:12:3: KIND: path: message", as compilers write it, so that editors find the place.
void AppendLines(std::string& out, const std::vector<config::Fault>& faults, std::string_view kind,
                 std::string_view file) {
  for (config::Fault fault : faults) {
    if (!fault.path.empty()) fault.message = fmt::format("{}: {}", fault.path, fault.message);
    fault.message = fmt::format("{}: {}", kind, fault.message);
    fault.path.clear();
    out += config::FaultsAsText({fault}, file);
    out += '\n';
  }
}

std::string Quoted(std::string_view text) {
  std::string out;
  AppendJsonString(out, text);
  return out;
}

}  // namespace

std::string VerdictAsText(const config::Document& document, std::string_view file) {
  std::string out;
  AppendLines(out, document.faults, "fault", file);
  AppendLines(out, document.notes, "note", file);
  AppendLines(out, document.not_built_yet, "warning", file);
  if (!document.ok()) {
    return out + fmt::format("{}: {} fault{}\n", file, document.faults.size(),
                             document.faults.size() == 1 ? "" : "s");
  }
  return out + fmt::format("{}: valid: pipeline {}{}\n", file, document.spec.pipeline_id,
                           document.not_built_yet.empty() ? "" : ", which this version cannot run");
}

std::string VerdictAsJson(const config::Document& document, std::string_view file) {
  return fmt::format(
      "{{\"file\": {}, \"valid\": {}, \"pipeline_id\": {},\n\"faults\": {},\n\"notes\": {},\n"
      "\"not_built_yet\": {}}}",
      Quoted(file), document.ok(), document.ok() ? Quoted(document.spec.pipeline_id) : "null",
      config::FaultsAsJson(document.faults), config::FaultsAsJson(document.notes),
      config::FaultsAsJson(document.not_built_yet));
}

int ValidateCommand(std::span<const std::string_view> args) {
  std::vector<std::string> files;
  std::string format = "text";
  process::Flags flags("penstock validate",
                       "Says all that is wrong with pipeline files, each fault with its line and "
                       "what would be right. Asks no server. Exit code 0: all are valid; 1: not.");
  flags.Arguments("FILE…", 1, 1'000, &files);
  flags.Choice("format", {"text", "json"}, "how the findings are printed", &format);
  flags.Example("penstock validate orders.yaml", "before starting it");
  flags.Example("penstock validate --format json pipelines/*.yaml", "many files, for a program");
  if (const auto over = ParseOrAnswer(flags, args, "validate")) return *over;
  bool all_valid = true;
  std::string json;
  for (const std::string& file : files) {
    const config::Document document = config::ReadPipelineFile(file);
    all_valid = all_valid && document.ok();
    if (format == "text") fmt::print("{}", VerdictAsText(document, file));
    json += (json.empty() ? "" : ",\n") + VerdictAsJson(document, file);
  }
  if (format == "json") fmt::print("[{}]\n", json);
  return all_valid ? process::kExitOk : process::kExitFailure;
}

}  // namespace penstock::ctl
