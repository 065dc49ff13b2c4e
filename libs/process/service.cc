#include "process/service.h"

#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <utility>

#include <malloc.h>
#include <sys/resource.h>

#include "process/stop_signals.h"
#include "telemetry/log.h"

namespace penstock::process {

namespace {

// A machine whose clock is wrong is at most so wrong: 100 years.
constexpr std::int64_t kMostClockOffsetMs = 100LL * 365 * 24 * 3600 * 1000;

struct AllOptions {
  ServiceOptions service;
  std::int64_t clock_offset_ms = 0;
  std::string log_format = "text";
  std::string log_level = "info";
};

// "i/n": this is replica i, from 0, of n.
Status ParseReplica(std::string_view text, ServiceOptions& options) {
  const auto slash = text.find('/');
  const auto number = [](std::string_view part, std::uint32_t& out) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out);
    return error == std::errc() && end == part.data() + part.size();
  };
  if (slash == text.npos || !number(text.substr(0, slash), options.replica) ||
      !number(text.substr(slash + 1), options.replicas) || options.replica >= options.replicas) {
    return Error{Remedy::kStop, "usage",
                 fmt::format("must be i/n with i from 0 to n - 1, as in 0/2; is \"{}\"", text)};
  }
  return Done{};
}

void AddServiceFlags(Flags& flags, AllOptions& all) {
  ServiceOptions& options = all.service;
  flags.Text("pipeline", "FILE", "the pipeline document, YAML or JSON", &options.pipeline)
      .FromEnvironment()
      .Required();
  flags
      .Text("nats", "URL[,URL]", "where NATS is, instead of resources.nats of the document",
            &options.nats)
      .FromEnvironment();
  flags
      .Custom("replica", "I/N", "which of how many replicas this is, counted from 0", "0/1",
              [&options](std::string_view text) { return ParseReplica(text, options); })
      .FromEnvironment();
  flags
      .Text("replica-name", "NAME",
            "share the stage's shards with all replicas that have a name, as they come and go; "
            "each has its own; instead of --replica",
            &options.replica_name)
      .FromEnvironment();
  flags
      .Duration("lease-heartbeat", "DURATION", "how often a replica with a name says that it lives",
                &options.lease_heartbeat)
      .FromEnvironment();
  flags
      .Duration("lease-timeout", "DURATION",
                "after how much silence the others take its shards; the same for all replicas",
                &options.lease_timeout)
      .FromEnvironment();
  flags
      .Text("listen", "ADDR:PORT", "where probes and /metrics are served; port 0: a free one",
            &options.listen)
      .FromEnvironment();
  flags.Text("port-file", "FILE", "a file to write the port to that is served", &options.port_file)
      .FromEnvironment();
  flags
      .Number<std::size_t>("workers", "N", "worker threads; 0: as the CPU limit allows", 0, 1024,
                           &options.workers)
      .FromEnvironment();
  flags.Choice("log-format", {"text", "json"}, "how log lines look", &all.log_format)
      .FromEnvironment();
  flags
      .Choice("log-level", {"debug", "info", "warn", "error"}, "the least important line to write",
              &all.log_level)
      .FromEnvironment();
  flags
      .Number("clock-offset-ms", "N", "how far ahead of the machine's the time of day is",
              -kMostClockOffsetMs, kMostClockOffsetMs, &all.clock_offset_ms)
      .Hidden();
}

int UsageFailed(const std::string& program, const Error& error) {
  fmt::print(stderr, "{}: {}\n", program, error.detail);
  return kExitUsage;
}

// Written under another name first: whoever waits for the file never reads half a number.
Status WritePortFile(const std::string& path, std::uint16_t port) {
  const std::string draft = path + ".part";
  std::ofstream file(draft, std::ios::trunc);
  file << port << '\n';
  file.close();
  if (!file || std::rename(draft.c_str(), path.c_str()) != 0) {
    return Error{Remedy::kStop, "usage", fmt::format("cannot write the port file {}", path)};
  }
  return Done{};
}

int ExitCodeOf(const Error& error) {
  return error.code == "usage" || error.code == "config" ? kExitUsage : kExitFailure;
}

// A document's faults are lines of one error; each is a log line of its own.
void LogFailure(const Error& error) {
  if (error.code != "config") {
    Log(LogLevel::kError, "Ended by an error.", {{"code", error.code}, {"error", error.detail}});
    return;
  }
  std::istringstream faults(error.detail);
  for (std::string fault; std::getline(faults, fault);) {
    Log(LogLevel::kError, "The pipeline document is wrong.", {{"fault", fault}});
  }
}

// Everything between the flags and the exit code.
Status Serve(const ServiceDescription& description, const ServiceOptions& options,
             const std::string& program, StopSignals& signals,
             const std::function<Status(const ServiceContext&)>& body) {
  PENSTOCK_ASSIGN_OR_RETURN(const PipelineSpec pipeline,
                            description.load_pipeline(options.pipeline));
  Metrics metrics({{"pipeline", pipeline.pipeline_id}, {"stage", description.name}});
  Health health;
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto http,
      HttpServer::Start(options.listen,
                        fmt::format("{} {}: pipeline {}", program, Version(), pipeline.pipeline_id),
                        {metrics, health}));
  if (!options.port_file.empty()) {
    PENSTOCK_RETURN_IF_ERROR(WritePortFile(options.port_file, http->port()));
  }
  Log(LogLevel::kInfo, "Started.",
      {{"version", Version()},
       {"pipeline", pipeline.pipeline_id},
       {"port", http->port()},
       {"replica", options.replica},
       {"replicas", options.replicas},
       {"replica_name", options.replica_name}});
  // Not before it stops: until the body has said what it needs, this process is not ready.
  Health::Condition draining;
  const std::stop_callback on_stop(signals.token(), [&] {
    draining = health.Require("stopping");
    draining.Fails("finishing what is in flight");
  });
  return body({.options = options,
               .pipeline = pipeline,
               .metrics = metrics,
               .health = health,
               .http = *http,
               .clock = SystemClock(),
               .stop = signals.token()});
}

}  // namespace

namespace {

// Messages and blocks of hundreds of kilobytes to tens of megabytes come and go all the time. By
// default glibc gives each back to the kernel and fetches it again, page by page.
void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  mallopt(M_ARENA_MAX, 4);  // What threads keep free adds up: few heaps, not one a thread.
}

// A store on disk has many files open.
void AllowManyFiles() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

int RunService(int argc, char** argv, const ServiceDescription& description,
               const std::function<Status(const ServiceContext&)>& body) {
  KeepFreedMemory();
  AllowManyFiles();
  const std::string program = "penstock-" + description.name;
  AllOptions all;
  Flags flags(program, description.summary);
  AddServiceFlags(flags, all);
  if (description.add_flags) description.add_flags(flags);
  for (const auto& example : description.examples) {
    flags.Example(example.command, example.explanation);
  }
  if (const Status parsed = flags.Parse(Arguments(argc, argv)); !parsed.ok()) {
    return UsageFailed(program, parsed.error());
  }
  if (flags.help_wanted()) return fmt::print("{}", flags.Help()), kExitOk;
  if (flags.version_wanted()) return fmt::print("{} {}\n", program, Version()), kExitOk;
  ShiftSystemWallClock(all.clock_offset_ms);
  StopSignals signals;
  InitLogging({.format = ParseLogFormat(all.log_format).value(),
               .level = ParseLogLevel(all.log_level).value(),
               .service = description.name});
  try {
    const Status ended = Serve(description, all.service, program, signals, body);
    // A body that still waited for a server when the signal came has nothing in flight.
    if (ended.ok() || ended.error().code == "stopped") {
      Log(LogLevel::kInfo, "Stopped.");
      return kExitOk;
    }
    LogFailure(ended.error());
    return ExitCodeOf(ended.error());
  } catch (const std::exception& failure) {
    Log(LogLevel::kError, "Ended by a defect of the program; please report it.",
        {{"exception", failure.what()}});
    return kExitInternal;
  }
}

}  // namespace penstock::process
