#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/pipeline.h"
#include "config/planner.h"
#include "ctl/command_line.h"
#include "ctl/dead_letters.h"
#include "ctl/dlq_command.h"
#include "ctl/letter_server.h"
#include "ctl/replay.h"
#include "process/exit_codes.h"
#include "process/stop_signals.h"
#include "telemetry/log.h"

namespace penstock::ctl {

namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr std::uint64_t kMostLetters = 10'000;

struct ReplayFlags : LetterFlags {
  std::uint64_t limit = 1'000;
  std::chrono::nanoseconds wait = std::chrono::minutes(1);
  std::string output = "text";
};

void Print(const ReplayedLetter& replayed, bool as_json) {
  const std::string place = PlaceOf(*replayed.letter);
  if (!as_json) {
    fmt::print("{:<32}  {}{}{}\n", place, ToText(replayed.outcome),
               replayed.detail.empty() ? "" : ": ", replayed.detail);
    return;
  }
  std::string line = R"({"record":)";
  AppendJsonString(line, place);
  line += R"(,"outcome":)";
  AppendJsonString(line, ToText(replayed.outcome));
  line += R"(,"detail":)";
  AppendJsonString(line, IsUtf8(replayed.detail) ? replayed.detail : "");
  fmt::print("{}}}\n", line);
}

// True: every letter's record is a row now, or the pipeline's own rules leave it out.
bool PrintAll(const std::vector<ReplayedLetter>& replayed, bool as_json) {
  std::map<ReplayOutcome, std::size_t> counts;
  for (const ReplayedLetter& one : replayed) {
    Print(one, as_json);
    ++counts[one.outcome];
  }
  std::string sum;
  for (const auto& [outcome, count] : counts) {
    sum += fmt::format("{}{} {}", sum.empty() ? "" : ", ", count, ToText(outcome));
  }
  fmt::print(stderr, "{} letters: {}\n", replayed.size(), sum.empty() ? "nothing to do" : sum);
  return counts[ReplayOutcome::kInserted] + counts[ReplayOutcome::kWasInserted] +
             counts[ReplayOutcome::kFiltered] + counts[ReplayOutcome::kDuplicate] ==
         replayed.size();
}

Result<bool> Replay(const ReplayFlags& all, const ConnectNats& connect, const OpenRecords& open,
                    const std::stop_token& stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec, config::LoadPipeline(all.arguments.front()));
  PENSTOCK_RETURN_IF_ERROR(CheckReplayable(spec));
  const PipelinePlan plan = config::MakePlan(spec);
  PENSTOCK_ASSIGN_OR_RETURN(const auto server, LetterServer::Find(all, spec, connect, stop));
  std::vector<DeadLetter> letters;
  PENSTOCK_RETURN_IF_ERROR(ReadLetters(server->letters(spec), all.where, all.limit, stop,
                                       [&](const StoredLetter& stored) {
                                         if (stored.letter != nullptr)
                                           letters.push_back(*stored.letter);
                                       }));
  PENSTOCK_ASSIGN_OR_RETURN(const auto records, open(spec.sources.front()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto bucket, server->nats().OpenBucket());
  PENSTOCK_ASSIGN_OR_RETURN(
      auto reader,
      stage::RecordReader::Make({.plan = plan.sources.front(), .shards = spec.resources.shards}));
  Replayer replayer({.pipeline_id = spec.pipeline_id,
                     .shards = spec.resources.shards,
                     .source = spec.sources.front(),
                     .plan = plan.sources.front(),
                     .patience = kPatience,
                     .wait = all.wait},
                    {.records = *records,
                     .publisher = server->nats().publisher(),
                     .bucket = *bucket,
                     .clock = SystemClock()},
                    std::move(reader));
  PENSTOCK_ASSIGN_OR_RETURN(const auto replayed, replayer.Replay(letters, stop));
  return PrintAll(replayed, all.output == "json");
}

}  // namespace

int DlqReplayCommand(const ConnectNats& connect, const OpenRecords& open,
                     std::span<const std::string_view> args) {
  ReplayFlags all;
  process::Flags flags(
      "penstock dlq replay",
      "Sends the records of dead letters through the pipeline again, which must be running: from "
      "Kafka where it still has them, else as the ingestor's letters have them. However often it "
      "is called, a record comes into the table once. Says for each letter what happened; the "
      "letters stay (see `penstock dlq purge`). Exit code 1: not all are rows now, or left out by "
      "the pipeline's filter or dedup. Not for a pipeline with a join.");
  all.AddTo(flags, "FILE", 0);
  all.AddWhereTo(flags);
  flags.Number<std::uint64_t>("limit", "N", "the most letters, oldest first", 1, kMostLetters,
                              &all.limit);
  flags.Duration("wait", "D", "how long to wait for the sink to confirm them", &all.wait);
  flags.Choice("output", {"text", "json"}, "a list, or a JSON object a line", &all.output);
  flags.Example("penstock dlq replay orders.yaml --where code=469",
                "after the constraint that refused them was dropped");
  if (const auto over = ParseOrAnswer(flags, args, "dlq replay")) return *over;
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  process::StopSignals signals;
  const auto done = Replay(all, connect, open, signals.token());
  std::fflush(stdout);
  if (!done.ok()) return Failed("dlq replay", done.error());
  return done.value() ? process::kExitOk : process::kExitFailure;
}

}  // namespace penstock::ctl
