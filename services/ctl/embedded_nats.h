#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "ctl/data_folder.h"
#include "model/pipeline_spec.h"
#include "process/child_process.h"

namespace penstock::ctl {

/// What the configuration of an embedded nats-server depends on.
struct NatsSettings {
  std::uint16_t port = 0;
  std::string server_name;
  std::filesystem::path store;
  std::uint64_t max_file_store = 0;
  std::uint64_t max_memory_store = 0;
};
std::string NatsConfig(const NatsSettings& settings);

/// What the streams of a pipeline reserve, in bytes.
struct StreamNeeds {
  std::uint64_t file_bytes = 0;
  std::uint64_t memory_bytes = 0;
};
StreamNeeds NeedsOf(const PipelineSpec& spec);

/// How much a store may hold: nine tenths of the disk's free bytes and what it holds now, but
/// never less than at its last start, since nats-server would refuse the streams that it has.
/// Error code "no_room": that is less than the streams reserve.
Result<std::uint64_t> FileStoreLimit(std::uint64_t free_bytes, std::uint64_t used_bytes,
                                     std::uint64_t last_limit, std::uint64_t needed_bytes);

/// A nats-server of a run's own, ready to be started.
struct EmbeddedNats {
  std::string url;
  process::ChildOptions child;  ///< Its output goes to the log file of the folder.
};

/// Finds the program, and writes its configuration into the folder: JetStream's store there, a free
/// port of 127.0.0.1. Error codes "spawn", "no_room", "data_folder".
Result<EmbeddedNats> PrepareNats(const DataFolder& folder, const PipelineSpec& spec);

/// The URL of the nats-server that a run embeds now in that folder; empty: none is known.
std::string EmbeddedNatsUrl(const std::filesystem::path& data_folder);
/// Whether an embedded nats-server has ever stored anything there.
bool HasNatsStore(const std::filesystem::path& data_folder);

}  // namespace penstock::ctl
