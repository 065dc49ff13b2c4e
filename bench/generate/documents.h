#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "generate/events.h"

namespace penstock::events {

enum class Engine : std::uint8_t {
  kMergeTree,  ///< With a deduplication window, so that repeated inserts leave no repeats.
  kNull,       ///< Takes rows and drops them: what a benchmark of the pipeline itself writes to.
};

/// `table` may name its database ("demo.users").
std::string CreateTableStatement(Workload workload, std::string_view table, Engine engine);

/// What happens to the events on their way. `kOutputs`: a filter that nine of ten users' events
/// pass, and five outputs (of kUsers only). `kDedup`: by event_id, within a day.
enum class Transforms : std::uint8_t { kNone, kOutputs, kDedup };

/// What the document of a workload's pipeline leaves open.
struct PipelineOptions {
  std::string pipeline_id;
  std::string brokers = "127.0.0.1:9092";  ///< Comma separated.
  std::string topic;
  std::string clickhouse_host = "127.0.0.1";
  std::string clickhouse_http_port = "8123";
  std::string database = "default";
  std::string username = "default";
  std::string password;  ///< May be ${NAME}, which the pipeline reads from its environment.
  std::string table;     ///< Without its database.
  std::uint64_t max_batch_size = 100'000;
  std::string max_delay_time = "1s";
  std::uint32_t shards = 12;
  Transforms transforms = Transforms::kNone;
};

/// The pipeline as YAML, with a column for each field of the workload.
std::string PipelineDocument(Workload workload, const PipelineOptions& options);

}  // namespace penstock::events
