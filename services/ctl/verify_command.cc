#include "ctl/verify_command.h"

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/client.h"
#include "config/pipeline.h"
#include "config/planner.h"
#include "ctl/command_line.h"
#include "ctl/letter_server.h"
#include "ctl/table_comparison.h"
#include "ctl/verification.h"
#include "ctl/verify_report.h"
#include "process/exit_codes.h"
#include "process/stop_signals.h"
#include "protocol/names.h"
#include "telemetry/log.h"

namespace penstock::ctl {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
// A query counts a slice of the table's offsets, at most all of them.
constexpr auto kQueryTime = std::chrono::minutes(10);

struct VerifyFlags : LetterFlags {
  bool table = false;
  bool json = false;
};

// A command that looks makes no bucket.
Result<std::unique_ptr<io::KeyValue>> OpenRecordsOfShards(Nats& nats, const PipelineSpec& spec) {
  const auto state = nats.streams().State("KV_" + protocol::Bucket(spec.pipeline_id));
  if (!state.ok() && state.error().code == "not_found") {
    return Error{Remedy::kStop, "not_found",
                 fmt::format("NATS has no record of pipeline {}: it has never run there, or its "
                             "bucket {} is lost",
                             spec.pipeline_id, protocol::Bucket(spec.pipeline_id))};
  }
  if (!state.ok()) return state.error();
  return nats.OpenBucket();
}

/// What a table is compared with, kept for the report.
struct TableWork {
  clickhouse::Client client;
  clickhouse::TableDescription description;
  std::optional<TableComparison> comparison;
};

// True: nothing is missing or counted twice.
Result<bool> Verify(const VerifyFlags& all, const ConnectNats& connect, const KafkaOpeners& open,
                    const std::stop_token& stop) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec spec, config::LoadPipeline(all.arguments.front()));
  const PipelinePlan plan = config::MakePlan(spec);
  PENSTOCK_ASSIGN_OR_RETURN(const auto server, LetterServer::Find(all, spec, connect, stop));
  PENSTOCK_ASSIGN_OR_RETURN(const auto bucket, OpenRecordsOfShards(server->nats(), spec));
  PENSTOCK_ASSIGN_OR_RETURN(const Topics topics, Topics::Open(spec, open));
  Verifier verifier({.spec = spec, .plan = plan, .patience = kPatience},
                    {.bucket = *bucket, .sources = topics.parts(), .clock = SystemClock()});
  PENSTOCK_ASSIGN_OR_RETURN(const Verification verification, verifier.Run(stop));
  Findings findings;
  Judge(verification, findings);
  TableWork table{
      .client = clickhouse::Client(spec.sink.connection), .description = {}, .comparison = {}};
  if (all.table) {
    PENSTOCK_ASSIGN_OR_RETURN(table.description, table.client.Describe(spec.sink.table, stop));
    table.comparison.emplace(
        TableComparison::Options{.plan = plan, .table = table.description, .patience = kPatience},
        TableComparison::Parts{
            .ask =
                [&](const std::string& sql) {
                  return table.client.Query(sql, stop, {}, kQueryTime);
                },
            .read_ledger = [&] { return ReadLedger(*bucket, spec.resources.shards); },
            .letters = server->letters(spec),
            .records = topics.parts().front().records},
        findings);
    PENSTOCK_RETURN_IF_ERROR(table.comparison->Run(verification, stop));
  }
  const VerifyReport report{.spec = spec,
                            .verification = verification,
                            .table = table.comparison ? &*table.comparison : nullptr,
                            .findings = findings};
  fmt::print("{}", all.json ? VerifyJson(report) : VerifyText(report));
  return findings.Count(Findings::Level::kFault) == 0;
}

}  // namespace

int VerifyCommand(const ConnectNats& connect, const KafkaOpeners& open,
                  std::span<const std::string_view> args) {
  VerifyFlags all;
  process::Flags flags(
      "penstock verify",
      "Adds up what became of every record: the accounts of all shards against Kafka's offsets, by "
      "partition, and with --table against the rows in ClickHouse. Says what is missing and what "
      "is there twice; changes nothing. The pipeline may be running. Exit code 1: something is "
      "missing or there twice, or could not be asked.");
  all.AddTo(flags, "FILE", 0);
  flags.Switch("table",
               "count the table's rows too: by offset where the columns of _partition and _offset "
               "are mapped, else all together",
               &all.table);
  flags.Switch("json", "print one JSON object", &all.json);
  flags.Example("penstock verify orders.yaml --table", "after a night of outages");
  if (const auto over = ParseOrAnswer(flags, args, "verify")) return *over;
  InitLogging({.format = LogFormat::kText, .level = LogLevel::kError, .service = {}});
  process::StopSignals signals;
  const auto all_there = Verify(all, connect, open, signals.token());
  std::fflush(stdout);
  if (!all_there.ok()) return Failed("verify", all_there.error());
  return all_there.value() ? process::kExitOk : process::kExitFailure;
}

}  // namespace penstock::ctl
