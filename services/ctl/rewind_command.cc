#include "ctl/rewind_command.h"

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/pipeline.h"
#include "ctl/command_line.h"
#include "ctl/rewind.h"
#include "process/exit_codes.h"
#include "telemetry/log.h"

namespace penstock::ctl {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
constexpr std::int32_t kAll = -1;

struct RewindFlags {
  std::vector<std::string> files;
  std::optional<RewindTarget> to;
  std::string source;
  std::int32_t partition = kAll;
  bool yes = false;
};

void Print(const SourceSpec& source, const Rewound& one) {
  fmt::print("{}/{}  ", source.topic, one.partition);
  if (!one.from) return fmt::print("nothing committed -> {}\n", one.to.rep());
  fmt::print("{} -> {}", one.from->rep(), one.to.rep());
  const std::int64_t back = one.from->rep() - one.to.rep();
  if (back > 0) fmt::print("  {} offsets are read again", back);
  if (back < 0) fmt::print("  {} offsets are skipped for good", -back);
  if (back == 0) fmt::print("  stays");
  fmt::print("\n");
}

Status RewindSource(const RewindFlags& all, const SourceSpec& source, const SourceParts& parts) {
  Rewinder rewinder(
      {.source = source,
       .partition = all.partition == kAll ? std::nullopt : std::optional(all.partition),
       .patience = kPatience},
      parts, SystemClock());
  PENSTOCK_ASSIGN_OR_RETURN(const std::vector<Rewound> plan, rewinder.Plan(*all.to));
  for (const Rewound& one : plan) Print(source, one);
  if (!all.yes) return Done{};
  PENSTOCK_RETURN_IF_ERROR(rewinder.CheckNobodyReads());
  return rewinder.Apply(plan);
}

Status Rewind(const RewindFlags& all, const KafkaOpeners& open) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec, config::LoadPipeline(all.files.front()));
  if (std::holds_alternative<Offset>(*all.to) && spec.sources.size() > 1 && all.source.empty()) {
    return Error{Remedy::kStop, "usage",
                 "an offset is one of a source's partition, and the pipeline has two sources: say "
                 "which with --source, or give a time"};
  }
  PENSTOCK_ASSIGN_OR_RETURN(const Topics topics, Topics::Open(spec, open));
  bool found = false;
  for (std::size_t i = 0; i < spec.sources.size(); ++i) {
    if (!all.source.empty() && spec.sources[i].source_id != all.source) continue;
    found = true;
    PENSTOCK_RETURN_IF_ERROR(RewindSource(all, spec.sources[i], topics.parts()[i]));
  }
  if (!found) {
    return Error{Remedy::kStop, "usage",
                 fmt::format("--source: the pipeline has no source \"{}\"", all.source)};
  }
  fmt::print(
      stderr, "{}\n",
      all.yes ? "done: what is read again is inserted again when the ingestors start"
              : "nothing was changed; with --yes it is. Rows that were made of these records stay "
                "in the table, and are inserted again");
  return Done{};
}

}  // namespace

int RewindCommand(const KafkaOpeners& open, std::span<const std::string_view> args) {
  RewindFlags all;
  process::Flags flags(
      "penstock rewind",
      "Sets the offsets of a pipeline's consumer group, so that its records are read again from "
      "there, or skipped. What is read again is a new incarnation: its rows are inserted again "
      "beside those that are there. No ingestor may be running. Without --yes it shows what would "
      "change. Exit code 1: it was not done.");
  flags.Arguments("FILE", 1, 1, &all.files);
  flags
      .Custom("to", "PLACE", "earliest, latest, a time as in RFC 3339, or an offset", "",
              [&](std::string_view text) -> Status {
                PENSTOCK_ASSIGN_OR_RETURN(all.to, ParseRewindTarget(text));
                return Done{};
              })
      .Required();
  flags.Text("source", "ID", "of a pipeline with two sources this one alone", &all.source);
  flags.Number<std::int32_t>("partition", "N", "this partition alone; -1: all", kAll, 1'000'000,
                             &all.partition);
  flags.Switch("yes", "do it", &all.yes);
  flags.Example("penstock rewind orders.yaml --to 2024-03-15T10:00:00Z",
                "what it would be to read everything again since then");
  flags.Example("penstock rewind orders.yaml --to 81723 --partition 3 --yes", "one partition");
  if (const auto over = ParseOrAnswer(flags, args, "rewind")) return *over;
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  const Status done = Rewind(all, open);
  std::fflush(stdout);
  return done.ok() ? process::kExitOk : Failed("rewind", done.error());
}

}  // namespace penstock::ctl
