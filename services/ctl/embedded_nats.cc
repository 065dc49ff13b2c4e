#include "ctl/embedded_nats.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/format.h"
#include "base/text.h"
#include "config/planner.h"
#include "protocol/names.h"
#include "stage/shard_streams.h"

namespace penstock::ctl {

namespace {

namespace fs = std::filesystem;

// What the key-value bucket and JetStream's own files may take besides the streams.
constexpr std::uint64_t kExtraBytes = 64ULL << 20;

// As nats-server reads a text in quotes.
std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

// Every hop that has streams.
std::set<Hop> HopsOf(const PipelinePlan& plan) {
  std::set<Hop> hops{plan.sink_hop};
  for (const SourcePlan& source : plan.sources) hops.insert(source.hop);
  const auto add = [&](const std::optional<TransformPlan>& transform) {
    if (!transform) return;
    hops.insert({transform->from, transform->to});
    if (!transform->dedup_key.empty()) hops.insert(transform->keys);
  };
  add(plan.transform);
  if (plan.join) {
    add(plan.join->left.dedup);
    add(plan.join->right.dedup);
  }
  return hops;
}

// Debian puts it into /usr/sbin, which is not on every user's path.
Result<std::string> FindNatsServer() {
  for (const std::string name :
       {"nats-server", "/usr/sbin/nats-server", "/usr/local/sbin/nats-server"}) {
    if (auto found = process::FindProgram(name); found.ok()) return found;
  }
  return Error{Remedy::kStop, "spawn",
               "there is no program nats-server: install it (deploy/packages, or apt-get install "
               "nats-server), or give a server with --nats URL"};
}

Result<std::uint16_t> FreePort() {
  const process::FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener.valid() || bind(listener.get(), generic, size) != 0 ||
      getsockname(listener.get(), generic, &size) != 0) {
    return Error{Remedy::kRetry, "spawn", "there is no free port on 127.0.0.1"};
  }
  return ntohs(address.sin_port);
}

std::uint64_t ReadNumber(const fs::path& path) {
  const std::string word = ReadWord(path);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() ? number : 0;
}

// A size for people; FormatSize is exact and so hardly readable for any number of bytes.
std::string Gibibytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(1ULL << 30));
}

}  // namespace

std::string NatsConfig(const NatsSettings& settings) {
  return fmt::format(
      "# Written by penstock at each start.\n"
      "listen: \"127.0.0.1:{}\"\n"
      "server_name: {}\n"
      "max_payload: 8MB\n"
      "max_pending: 128MB\n"
      "write_deadline: \"30s\"\n"
      "jetstream {{\n"
      "  store_dir: {}\n"
      "  max_file_store: {}\n"
      "  max_memory_store: {}\n"
      "}}\n",
      settings.port, Quoted(settings.server_name), Quoted(settings.store.string()),
      settings.max_file_store, settings.max_memory_store);
}

StreamNeeds NeedsOf(const PipelineSpec& spec) {
  std::uint64_t bytes = 0;
  for (const Hop hop : HopsOf(config::MakePlan(spec))) {
    for (std::uint32_t shard = 0; shard < spec.resources.shards; ++shard) {
      bytes += stage::ShardStreamConfig(spec, hop, ShardId(shard)).max_bytes;
    }
  }
  const std::uint64_t letters = stage::DeadLetterStreamConfig(spec).max_bytes + kExtraBytes;
  if (spec.resources.nats.memory_storage) {
    return {.file_bytes = letters, .memory_bytes = bytes + kExtraBytes};
  }
  return {.file_bytes = bytes + letters, .memory_bytes = kExtraBytes};
}

Result<std::uint64_t> FileStoreLimit(std::uint64_t free_bytes, std::uint64_t used_bytes,
                                     std::uint64_t last_limit, std::uint64_t needed_bytes) {
  const std::uint64_t limit = std::max(free_bytes / 10 * 9 + used_bytes, last_limit);
  if (limit >= needed_bytes) return limit;
  return Error{Remedy::kStop, "no_room",
               fmt::format("the embedded nats-server has room for {} on this disk, and the "
                           "pipeline's streams reserve {}: lower resources.nats.stream.maxBytes in "
                           "the document, or use --data-dir on a larger disk",
                           Gibibytes(limit), Gibibytes(needed_bytes))};
}

Result<EmbeddedNats> PrepareNats(const DataFolder& folder, const PipelineSpec& spec) {
  const fs::path nats = folder.NatsFolder();
  std::error_code failed;
  fs::create_directories(nats / "store", failed);
  const auto space = fs::space(nats, failed);
  if (failed) {
    return Error{Remedy::kStop, "data_folder",
                 fmt::format("cannot use {}: {}", nats.string(), failed.message())};
  }
  const StreamNeeds needs = NeedsOf(spec);
  const fs::path last_limit = nats / "max_file_store";
  PENSTOCK_ASSIGN_OR_RETURN(const std::string program, FindNatsServer());
  PENSTOCK_ASSIGN_OR_RETURN(const std::uint16_t port, FreePort());
  PENSTOCK_ASSIGN_OR_RETURN(const std::uint64_t limit,
                            FileStoreLimit(space.available, BytesBelow(nats / "store"),
                                           ReadNumber(last_limit), needs.file_bytes));
  const std::string url = fmt::format("nats://127.0.0.1:{}", port);
  const fs::path config = nats / "nats.conf";
  PENSTOCK_RETURN_IF_ERROR(WriteFile(last_limit, fmt::format("{}\n", limit)));
  PENSTOCK_RETURN_IF_ERROR(WriteFile(
      config, NatsConfig({.port = port,
                          .server_name =
                              fmt::format("penstock-{}", protocol::PipelineToken(spec.pipeline_id)),
                          .store = nats / "store",
                          .max_file_store = limit,
                          .max_memory_store = needs.memory_bytes})));
  PENSTOCK_RETURN_IF_ERROR(WriteFile(nats / "url", url + "\n"));
  process::ChildOptions child;
  child.name = "nats-server";
  child.argv = {program, "-c", config};
  // A soft limit: Go collects garbage rather than grow.
  child.environment = {{"GOMEMLIMIT", "1GiB"}};
  child.output_file = folder.LogFile(child.name);
  return EmbeddedNats{.url = url, .child = std::move(child)};
}

std::string EmbeddedNatsUrl(const fs::path& data_folder) {
  return ReadWord(DataFolder::NatsFolder(data_folder) / "url");
}

bool HasNatsStore(const fs::path& data_folder) {
  std::error_code ignored;
  return fs::exists(DataFolder::NatsFolder(data_folder) / "store", ignored);
}

}  // namespace penstock::ctl
