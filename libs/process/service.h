#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/pipeline_spec.h"
#include "process/exit_codes.h"
#include "process/flags.h"
#include "process/http_server.h"
#include "telemetry/health.h"
#include "telemetry/metrics.h"

namespace penstock::process {

/// The flags that every service has.
struct ServiceOptions {
  std::string pipeline;  ///< Path of the document.
  std::string nats;      ///< Comma separated URLs; empty: those of the document.
  std::uint32_t replica = 0;
  std::uint32_t replicas = 1;
  std::string replica_name;  ///< Not empty: shards are shared by leases, not by number.
  std::chrono::nanoseconds lease_heartbeat = std::chrono::seconds(2);
  std::chrono::nanoseconds lease_timeout = std::chrono::seconds(10);
  std::string listen = "0.0.0.0:9464";
  std::string port_file;
  std::size_t workers = 0;  ///< 0: as many as the CPU limit allows.
};

/// What a service's body works with. Lives as long as the body runs.
struct ServiceContext {
  const ServiceOptions& options;
  const PipelineSpec& pipeline;
  Metrics& metrics;  ///< With the labels pipeline and stage.
  Health& health;
  HttpServer& http;  ///< For pages of its own.
  const Clock& clock;
  std::stop_token stop;  ///< Requested by SIGTERM and SIGINT: finish what is in flight, return.
};

struct ServiceDescription {
  std::string name;     ///< The stage: "ingestor"; the executable is penstock-<name>.
  std::string summary;  ///< One sentence.
  struct Example {
    std::string command;
    std::string explanation;
  };
  std::vector<Example> examples = {};
  /// Declares further flags; may be empty.
  std::function<void(Flags&)> add_flags = {};
  /// config::LoadPipeline, and what this service refuses of a document.
  std::function<Result<PipelineSpec>(const std::string& path)> load_pipeline;
};

/// The main of a service: flags and environment, logging, signals, the document, probes and
/// /metrics, then `body` on the calling thread until it returns. The result is the exit code: 0
/// after a clean return or one with code "stopped", 1 after an error, 2 when flags or document are
/// wrong (or the error's code is "usage" or "config"), 70 after an exception. While it stops,
/// /readyz says so.
int RunService(int argc, char** argv, const ServiceDescription& description,
               const std::function<Status(const ServiceContext&)>& body);

}  // namespace penstock::process
