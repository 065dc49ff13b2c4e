#include "ctl/run_command.h"

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/planner.h"
#include "ctl/command_line.h"
#include "ctl/console.h"
#include "ctl/data_folder.h"
#include "ctl/pipeline_run.h"
#include "ctl/run_stages.h"
#include "ctl/summary.h"
#include "process/child_process.h"
#include "process/exit_codes.h"
#include "process/stop_signals.h"
#include "stage/load_pipeline.h"
#include "telemetry/log.h"

namespace penstock::ctl {

namespace {

struct RunFlags {
  std::vector<std::string> files;
  std::string data_folder;
  std::string stats_file;
  RunOptions run;
};

void AddRunFlags(process::Flags& flags, RunFlags& all) {
  flags.Arguments("FILE", 1, 1, &all.files);
  flags
      .Text("nats", "URL[,URL]",
            "where NATS is; without it resources.nats.url of the document, and without that a "
            "nats-server of its own",
            &all.run.nats)
      .FromEnvironment();
  flags.Custom("until-idle", "TIME",
               "end when every record has been in ClickHouse (or accounted for) for this long", "",
               [&all](std::string_view text) -> Status {
                 PENSTOCK_ASSIGN_OR_RETURN(all.run.until_idle, ParseDuration(text));
                 if (all.run.until_idle->count() >= 0) return Done{};
                 return Error{Remedy::kStop, "usage", "must not be negative"};
               });
  flags.Text("data-dir", "DIR",
             "logs, state, and the store of its own nats-server; without it a folder of the "
             "pipeline below "
             "$XDG_STATE_HOME/penstock or ~/.local/state/penstock",
             &all.data_folder);
  flags.Text("stats-file", "FILE", "write the summary there too, as JSON", &all.stats_file);
  flags.Number<std::uint32_t>("ingestors", "N", "ingestor processes for each source", 1, 64,
                              &all.run.ingestors);
  flags.Number<std::uint32_t>("transforms", "N",
                              "transform processes of a pipeline with a filter, dedup or stateless "
                              "transform; with a join, for each side that has a dedup",
                              1, 64, &all.run.transforms);
  flags.Number<std::uint32_t>("joins", "N", "join processes of a pipeline with a join", 1, 64,
                              &all.run.joins);
  flags.Number<std::uint32_t>("sinks", "N", "sink processes", 1, 64, &all.run.sinks);
  flags.Switch("verbose", "show the stages' logs instead of writing them to files",
               &all.run.verbose);
  flags.Example("penstock run orders.yaml", "everything on this machine; Ctrl-C finishes and ends");
  flags.Example("penstock run orders.yaml --until-idle 5s --stats-file stats.json",
                "load what the topic has, then end with the numbers");
  flags.Example("penstock run orders.yaml --nats nats://10.0.0.5:4222 --sinks 2",
                "with a NATS that is there, and two sinks that share the shards");
}

// The stages lie beside this program.
Result<std::filesystem::path> ProgramsFolder() {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return Error{Remedy::kStop, "spawn", "cannot read /proc/self/exe"};
  return self.parent_path();
}

Status CheckPrograms(const RunOptions& options, const PipelineSpec& spec) {
  for (const Fleet::Stage& stage : RunStages(options, config::MakePlan(spec), options.nats)) {
    const auto found = process::FindProgram(stage.argv.front());
    if (!found.ok()) return found.error();
  }
  return Done{};
}

Status FillOptions(RunFlags& all, const PipelineSpec& spec) {
  all.run.file = all.files.front();
  all.run.data_folder = all.data_folder;
  if (all.data_folder.empty()) {
    PENSTOCK_ASSIGN_OR_RETURN(all.run.data_folder, DefaultDataFolder(spec.pipeline_id));
  }
  PENSTOCK_ASSIGN_OR_RETURN(all.run.programs, ProgramsFolder());
  return CheckPrograms(all.run, spec);
}

Result<Summary> RunToTheEnd(RunFlags& all, const ConnectNats& connect, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec,
                            stage::LoadRunnablePipeline(all.files.front()));
  PENSTOCK_RETURN_IF_ERROR(FillOptions(all, spec));
  Console console(stderr);
  PipelineRun run(all.run,
                  {.spec = spec, .connect = connect, .clock = SystemClock(), .console = console});
  return run.Run(stop);
}

}  // namespace

int RunCommand(const ConnectNats& connect, std::span<const std::string_view> args) {
  RunFlags all;
  process::Flags flags(
      "penstock run",
      "Runs a pipeline on this machine: its stages as processes that are started again when they "
      "die, with a nats-server of their own unless one is given, and a line of live numbers. "
      "Ctrl-C or SIGTERM lets each stage finish what it has; a second one ends at once. A run that "
      "is started again goes on where the last one ended. Exit code 0: stopped, or all is done "
      "(--until-idle); 1: it could not run.");
  AddRunFlags(flags, all);
  if (const auto over = ParseOrAnswer(flags, args, "run")) return *over;
  // What is said here goes through the console; a log line would tear its status line apart.
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  process::StopSignals signals;
  const auto summary = RunToTheEnd(all, connect, signals.token());
  if (!summary.ok()) return Failed("run", summary.error());
  fmt::print("{}", SummaryText(summary.value()));
  std::fflush(stdout);
  if (!all.stats_file.empty()) {
    const Status written = WriteFile(all.stats_file, SummaryJson(summary.value()));
    if (!written.ok()) return Failed("run", written.error());
  }
  return summary.value().ended == "failed" ? process::kExitFailure : process::kExitOk;
}

}  // namespace penstock::ctl
