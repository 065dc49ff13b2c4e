#include "ctl/plan_command.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/cpu_limit.h"
#include "base/format.h"
#include "config/fault.h"
#include "config/pipeline.h"
#include "config/planner.h"
#include "ctl/command_line.h"
#include "process/exit_codes.h"

namespace penstock::ctl {

int PlanCommand(std::span<const std::string_view> args) {
  std::vector<std::string> files;
  std::string output = "text";
  std::uint32_t cpus = 0;
  process::Flags flags("penstock plan",
                       "Shows what will run for a pipeline: stages, fields and how they travel, "
                       "shards, streams, threads and memory. Asks no server. Exit code 1: the file "
                       "has faults.");
  flags.Arguments("FILE", 1, 1, &files);
  flags.Choice("output", {"text", "json"}, "how the plan is printed", &output);
  flags.Number<std::uint32_t>("cpus", "N", "CPUs of each process; 0: as this machine allows", 0,
                              4096, &cpus);
  flags.Example("penstock plan orders.yaml", "for a person");
  flags.Example("penstock plan orders.yaml --cpus 4 --output json", "for a program, on four CPUs");
  if (const auto over = ParseOrAnswer(flags, args, "plan")) return *over;
  const config::Document document = config::ReadPipelineFile(files.front());
  if (!document.ok()) {
    fmt::print(stderr, "{}\n", config::FaultsAsText(document.faults, files.front()));
    return process::kExitFailure;
  }
  const PipelinePlan plan = config::MakePlan(document.spec);
  const double usable = cpus == 0 ? CpuLimit() : cpus;
  fmt::print("{}", output == "json" ? config::DescribePlanAsJson(document.spec, plan, usable)
                                    : config::DescribePlan(document.spec, plan, usable));
  if (!document.not_built_yet.empty()) {
    fmt::print(stderr, "{}\n", config::FaultsAsText(document.not_built_yet, files.front()));
  }
  return process::kExitOk;
}

}  // namespace penstock::ctl
