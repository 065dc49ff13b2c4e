#include "ctl/check_command.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "config/pipeline.h"
#include "config/planner.h"
#include "ctl/command_line.h"
#include "ctl/findings.h"
#include "ctl/preflight.h"
#include "process/exit_codes.h"
#include "process/stop_signals.h"
#include "telemetry/log.h"

namespace penstock::ctl {

namespace {

constexpr auto kPatience = std::chrono::seconds(10);

struct CheckFlags {
  std::vector<std::string> files;
  std::string nats;
  std::uint64_t samples = 0;
  std::string output = "text";
};

void CheckServers(const CheckFlags& all, const PipelineSpec& spec, const ConnectNats& connect,
                  const OpenRecords& open, std::stop_token stop, Findings& findings) {
  const PipelinePlan plan = config::MakePlan(spec);
  std::vector<std::vector<SampleRecord>> samples;
  for (const SourceSpec& source : spec.sources) {
    samples.emplace_back();
    const auto records = open(source);
    if (records.ok()) {
      samples.back() = CheckTopic(source, *records.value(), all.samples, SystemClock(), findings);
    } else {
      findings.Fault("kafka", records.error().detail);
    }
    if (all.samples > 0 && samples.back().empty()) {
      findings.Warn("samples", fmt::format("there is no record of {} to try", source.topic));
    }
  }
  if (all.nats.empty() && spec.resources.nats.urls.empty()) {
    findings.Good("nats", "no server is named: `penstock run` brings its own");
  } else if (const auto nats = connect(spec, all.nats, kPatience, stop); nats.ok()) {
    CheckNats(spec, *nats.value(), findings);
  } else {
    findings.Fault("nats", nats.error().detail);
  }
  CheckTable(spec, plan, samples, stop, findings);
}

}  // namespace

int CheckCommand(const ConnectNats& connect, const OpenRecords& open,
                 std::span<const std::string_view> args) {
  CheckFlags all;
  process::Flags flags(
      "penstock check",
      "Asks Kafka, NATS and ClickHouse whether a pipeline can run, and says what would "
      "fail: names, rights, types, what exactly-once needs. With --samples it shows "
      "what each column would get of real records. Writes nothing. Exit code 1: "
      "something would fail.");
  flags.Arguments("FILE", 1, 1, &all.files);
  flags
      .Text("nats", "URL[,URL]", "where NATS is, instead of resources.nats.url of the document",
            &all.nats)
      .FromEnvironment();
  flags.Number<std::uint64_t>("samples", "N", "the newest records to try, over all partitions", 0,
                              1000, &all.samples);
  flags.Choice("output", {"text", "json"}, "a list, or a JSON object a line", &all.output);
  flags.Example("penstock check orders.yaml --samples 3", "before the first start");
  if (const auto over = ParseOrAnswer(flags, args, "check")) return *over;
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  process::StopSignals signals;
  auto spec = config::LoadPipeline(all.files.front());
  if (!spec.ok()) return Failed("check", spec.error());
  Findings findings;
  CheckServers(all, spec.value(), connect, open, signals.token(), findings);
  fmt::print("{}", findings.ToText(all.output == "json"));
  std::fflush(stdout);
  return findings.Count(Findings::Level::kFault) == 0 ? process::kExitOk : process::kExitFailure;
}

}  // namespace penstock::ctl
