#include "ctl/dlq_command.h"

#include <cstdio>
#include <string>
#include <utility>

#include "config/pipeline.h"
#include "ctl/command_line.h"
#include "ctl/dead_letters.h"
#include "ctl/letter_server.h"
#include "process/exit_codes.h"
#include "process/stop_signals.h"
#include "telemetry/log.h"

namespace penstock::ctl {

namespace {

constexpr std::uint64_t kMostLetters = 1'000'000'000;

struct DlqFlags : LetterFlags {
  std::uint64_t limit = 100;
  std::string output = "text";
  bool all = false;
};

int Finish(std::string_view command, const Status& done) {
  std::fflush(stdout);
  return done.ok() ? process::kExitOk : Failed(command, done.error());
}

// --- list ----------------------------------------------------------------------------------

void PrintCounts(const LetterCounts& counts, std::uint64_t limit) {
  fmt::print(stderr, "{} dead letter{}", counts.shown, counts.shown == 1 ? "" : "s");
  if (counts.more) fmt::print(stderr, ", and there are more than --limit {}", limit);
  if (counts.repeats > 0) fmt::print(stderr, "; {} repeats left out", counts.repeats);
  if (counts.unreadable > 0) fmt::print(stderr, "; {} are no dead letters", counts.unreadable);
  fmt::print(stderr, "\n");
}

Status List(const DlqFlags& all, const ConnectNats& connect, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec, config::LoadPipeline(all.arguments.front()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto server, LetterServer::Find(all, spec, connect, stop));
  bool headed = all.output == "json";
  const auto print = [&](const StoredLetter& stored) {
    if (!headed) fmt::print("{}\n", LetterHeader());
    headed = true;
    fmt::print("{}\n", all.output == "json" ? std::string(stored.line) : LetterRow(stored));
  };
  PENSTOCK_ASSIGN_OR_RETURN(const LetterCounts counts,
                            ReadLetters(server->letters(spec), all.where, all.limit, stop, print));
  PrintCounts(counts, all.limit);
  return Done{};
}

// --- show ----------------------------------------------------------------------------------

// "topic/partition/offset" as conditions; a topic has no slash.
Result<LetterFilter> FilterOf(const std::string& place) {
  const auto second = place.rfind('/');
  const auto first =
      second == std::string::npos || second == 0 ? std::string::npos : place.rfind('/', second - 1);
  LetterFilter filter;
  if (first == std::string::npos || !filter.Add("topic=" + place.substr(0, first), 0).ok() ||
      !filter.Add("partition=" + place.substr(first + 1, second - first - 1), 0).ok() ||
      !filter.Add("offset=" + place.substr(second + 1), 0).ok()) {
    return Error{Remedy::kStop, "usage",
                 fmt::format("\"{}\" is no place of a record: topic/partition/offset, as "
                             "`penstock dlq list` shows it",
                             place)};
  }
  return filter;
}

Status Show(const DlqFlags& all, const ConnectNats& connect, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec, config::LoadPipeline(all.arguments.front()));
  PENSTOCK_ASSIGN_OR_RETURN(const LetterFilter filter, FilterOf(all.arguments.at(1)));
  PENSTOCK_ASSIGN_OR_RETURN(const auto server, LetterServer::Find(all, spec, connect, stop));
  const auto print = [&](const StoredLetter& stored) {
    fmt::print("{}\n",
               all.output == "json" ? std::string(stored.line) : LetterPage(*stored.letter));
  };
  PENSTOCK_ASSIGN_OR_RETURN(const LetterCounts counts,
                            ReadLetters(server->letters(spec), filter, kMostLetters, stop, print));
  if (counts.shown > 0) return Done{};
  return Error{Remedy::kStop, "not_found",
               fmt::format("there is no dead letter of {}", all.arguments.at(1))};
}

// --- purge ---------------------------------------------------------------------------------

Status Purge(const DlqFlags& all, const ConnectNats& connect, std::stop_token stop) {
  if (all.where.empty() != all.all) {
    return Error{Remedy::kStop, "usage",
                 "say which letters go for good: --where FIELD=VALUE, or --all for all of them"};
  }
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec, config::LoadPipeline(all.arguments.front()));
  PENSTOCK_ASSIGN_OR_RETURN(const auto server, LetterServer::Find(all, spec, connect, stop));
  PENSTOCK_ASSIGN_OR_RETURN(
      const std::uint64_t purged,
      PurgeLetters(server->letters(spec), server->nats().publisher(), all.where, stop));
  fmt::print("{} dead letter{} purged\n", purged, purged == 1 ? "" : "s");
  return Done{};
}

}  // namespace

int DlqListCommand(const ConnectNats& connect, std::span<const std::string_view> args) {
  DlqFlags all;
  process::Flags flags("penstock dlq list",
                       "Shows the records of a pipeline that could not become rows, oldest first, "
                       "with the reason and their place in Kafka. Takes none away. Exit code 1: "
                       "they cannot be read.");
  all.AddTo(flags, "FILE", 0);
  all.AddWhereTo(flags);
  flags.Number<std::uint64_t>("limit", "N", "the most to show, oldest first", 1, kMostLetters,
                              &all.limit);
  flags.Choice("output", {"text", "json"}, "a list, or the lines exactly as they are stored",
               &all.output);
  flags.Example("penstock dlq list orders.yaml", "the first hundred, for a person");
  flags.Example("penstock dlq list orders.yaml --where code=469 --where 'time>=-1h'",
                "those that a constraint has refused in the last hour");
  flags.Example("penstock dlq list orders.yaml --limit 1000000 --output json > letters.jsonl",
                "all of them with their original messages, for a program");
  if (const auto over = ParseOrAnswer(flags, args, "dlq list")) return *over;
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  process::StopSignals signals;
  return Finish("dlq list", List(all, connect, signals.token()));
}

int DlqShowCommand(const ConnectNats& connect, std::span<const std::string_view> args) {
  DlqFlags all;
  process::Flags flags("penstock dlq show",
                       "Shows all of a record's dead letters with its message. Takes none away. "
                       "Exit code 1: there is none, or it cannot be read.");
  all.AddTo(flags, "FILE TOPIC/PARTITION/OFFSET", 1);
  flags.Choice("output", {"text", "json"}, "a page, or the lines exactly as they are stored",
               &all.output);
  flags.Example("penstock dlq show orders.yaml orders/3/1723", "one that `dlq list` has named");
  if (const auto over = ParseOrAnswer(flags, args, "dlq show")) return *over;
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  process::StopSignals signals;
  return Finish("dlq show", Show(all, connect, signals.token()));
}

int DlqPurgeCommand(const ConnectNats& connect, std::span<const std::string_view> args) {
  DlqFlags all;
  process::Flags flags("penstock dlq purge",
                       "Removes dead letters for good. Exit code 1: not all could be removed; "
                       "calling it again goes on.");
  all.AddTo(flags, "FILE", 0);
  all.AddWhereTo(flags);
  flags.Switch("all", "every letter, also lines that are none", &all.all);
  flags.Example("penstock dlq purge orders.yaml --where 'time<-7d'", "what is older than a week");
  if (const auto over = ParseOrAnswer(flags, args, "dlq purge")) return *over;
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  process::StopSignals signals;
  return Finish("dlq purge", Purge(all, connect, signals.token()));
}

}  // namespace penstock::ctl
