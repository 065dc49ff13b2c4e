#include "ctl/dlq_command.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/pipeline.h"
#include "ctl/command_line.h"
#include "ctl/data_folder.h"
#include "ctl/dead_letters.h"
#include "ctl/embedded_nats.h"
#include "process/exit_codes.h"
#include "process/stop_signals.h"
#include "process/supervisor.h"
#include "protocol/names.h"
#include "telemetry/log.h"

namespace penstock::ctl {

namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kServerStart = std::chrono::seconds(30);

struct DlqFlags {
  std::vector<std::string> files;
  std::string nats;
  std::string data_folder;
  std::uint64_t limit = 100;
  std::string output = "text";
};

void AddDlqFlags(process::Flags& flags, DlqFlags& all) {
  flags.Arguments("FILE", 1, 1, &all.files);
  flags
      .Text("nats", "URL[,URL]",
            "where NATS is; without it resources.nats.url of the document, and without that the "
            "nats-server of `penstock run`, which is started for a moment where it does not run",
            &all.nats)
      .FromEnvironment();
  flags.Text("data-dir", "DIR", "that of `penstock run`, where it had one", &all.data_folder);
  flags.Number<std::uint64_t>("limit", "N", "the most to show, oldest first", 1, 1'000'000'000,
                              &all.limit);
  flags.Choice("output", {"text", "json"}, "a list, or the lines exactly as they are stored",
               &all.output);
  flags.Example("penstock dlq list orders.yaml", "the first hundred, for a person");
  flags.Example("penstock dlq list orders.yaml --limit 1000000 --output json > letters.jsonl",
                "all of them with their original messages, for a program");
}

/// The NATS that has the letters: one that runs, or that of an ended run, started for a moment.
struct LetterServer {
  std::optional<DataFolder> folder;
  std::optional<process::Supervisor> process;
  std::unique_ptr<Nats> nats;
};

Status StartForAMoment(const PipelineSpec& spec, const std::filesystem::path& path,
                       const ConnectNats& connect, std::stop_token stop, LetterServer& server) {
  PENSTOCK_ASSIGN_OR_RETURN(
      server.folder, DataFolder::Take(path, kServerStart, SystemClock(), stop, [] {
        fmt::print(stderr, "the processes of an earlier run are ending: waiting for them\n");
      }));
  PENSTOCK_ASSIGN_OR_RETURN(EmbeddedNats nats, PrepareNats(*server.folder, spec));
  server.process.emplace(process::Supervisor::Options{});
  server.process->Add(std::move(nats.child));
  auto connected = connect(spec, nats.url, kServerStart, stop);
  if (!connected.ok()) {
    return std::move(connected).error().Within(fmt::format("the nats-server of {}", path.string()));
  }
  server.nats = std::move(connected).value();
  return Done{};
}

Status FindServer(const DlqFlags& all, const PipelineSpec& spec, const ConnectNats& connect,
                  std::stop_token stop, LetterServer& server) {
  std::string url = all.nats;
  if (url.empty() && spec.resources.nats.urls.empty()) {
    std::filesystem::path path = all.data_folder;
    if (path.empty()) {
      PENSTOCK_ASSIGN_OR_RETURN(path, DefaultDataFolder(spec.pipeline_id));
    }
    if (!HasNatsStore(path)) {
      return Error{Remedy::kStop, "usage",
                   fmt::format("no NATS server is given, and no `penstock run` has had one of its "
                               "own in {}: use --nats nats://host:4222 or --data-dir DIR",
                               path.string())};
    }
    if (!DataFolder::InUse(path)) return StartForAMoment(spec, path, connect, stop, server);
    url = EmbeddedNatsUrl(path);
  }
  PENSTOCK_ASSIGN_OR_RETURN(server.nats, connect(spec, url, kPatience, stop));
  return Done{};
}

void PrintCounts(const LetterCounts& counts, std::uint64_t limit) {
  fmt::print(stderr, "{} dead letter{}", counts.shown, counts.shown == 1 ? "" : "s");
  if (counts.more) fmt::print(stderr, ", and there are more than --limit {}", limit);
  if (counts.repeats > 0) fmt::print(stderr, "; {} repeats left out", counts.repeats);
  if (counts.unreadable > 0) fmt::print(stderr, "; {} are no dead letters", counts.unreadable);
  fmt::print(stderr, "\n");
}

Status List(const DlqFlags& all, const ConnectNats& connect, std::stop_token stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec, config::LoadPipeline(all.files.front()));
  LetterServer server;
  PENSTOCK_RETURN_IF_ERROR(FindServer(all, spec, connect, stop, server));
  bool headed = all.output == "json";
  PENSTOCK_ASSIGN_OR_RETURN(
      const LetterCounts counts,
      ReadLetters(server.nats->streams(), protocol::DeadLetterStream(spec.pipeline_id), all.limit,
                  kPatience, SystemClock(), stop, [&](const StoredLetter& stored) {
                    if (!headed) fmt::print("{}\n", LetterHeader());
                    headed = true;
                    fmt::print("{}\n",
                               all.output == "json" ? std::string(stored.line) : LetterRow(stored));
                  }));
  std::fflush(stdout);
  PrintCounts(counts, all.limit);
  return Done{};
}

}  // namespace

int DlqListCommand(const ConnectNats& connect, std::span<const std::string_view> args) {
  DlqFlags all;
  process::Flags flags("penstock dlq list",
                       "Shows the records of a pipeline that could not become rows, oldest first, "
                       "with the reason and their place in Kafka. Takes none away. Exit code 1: "
                       "they cannot be read.");
  AddDlqFlags(flags, all);
  if (const auto over = ParseOrAnswer(flags, args, "dlq list")) return *over;
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  process::StopSignals signals;
  const Status listed = List(all, connect, signals.token());
  return listed.ok() ? process::kExitOk : Failed("dlq list", listed.error());
}

}  // namespace penstock::ctl
