#include "support/join_harness.h"

#include <stdexcept>
#include <utility>

#include "base/format.h"
#include "protocol/names.h"

namespace penstock::testing {

namespace {

using nlohmann::json;

json Source(const std::string& source_id, const std::string& topic, const std::string& broker) {
  return {{"type", "kafka"},
          {"source_id", source_id},
          {"topic", topic},
          {"connection_params",
           {{"brokers", {broker}},
            {"protocol", "PLAINTEXT"},
            {"mechanism", "NO_AUTH"},
            {"properties", {{"session.timeout.ms", "3000"}, {"heartbeat.interval.ms", "500"}}}}},
          {"schema_fields",
           {{{"name", "id"}, {"type", "string"}}, {{"name", "name"}, {"type", "string"}}}}};
}

void StopCleanly(ServiceProcess& service) {
  if (!service.started()) return;
  const process::ExitReport ended = service.Stop();
  if (!ended.clean()) {
    throw std::runtime_error(fmt::format("{}: {}", service.name(), ToText(ended)));
  }
}

}  // namespace

JoinHarness::JoinHarness(const Servers& servers, std::string left_topic, std::string right_topic)
    : PipelineHarness(servers, std::move(left_topic),
                      {{"id", "string", "id", "String"},
                       {"l", "string", "l", "String"},
                       {"r", "string", "r", "Nullable(String)"}}),
      right_topic_(std::move(right_topic)),
      left_(NewService("penstock-ingestor", "ingestor-left")),
      right_(NewService("penstock-ingestor", "ingestor-right")),
      left_dedup_(NewService("penstock-transform", "transform-left")),
      right_dedup_(NewService("penstock-transform", "transform-right")),
      join_(NewService("penstock-join", "join")),
      second_join_(NewService("penstock-join", "join-2")) {
  document["sources"] = {Source("left", topic(), servers.kafka),
                         Source("right", right_topic_, servers.kafka)};
  document["join"] = {{"enabled", true},
                      {"type", "temporal"},
                      {"output_fields",
                       {{{"source_id", "left"}, {"name", "id"}, {"output_name", "id"}},
                        {{"source_id", "left"}, {"name", "name"}, {"output_name", "l"}},
                        {{"source_id", "right"}, {"name", "name"}, {"output_name", "r"}}}}};
  SetWindows("1h", "1h");
}

JoinHarness::~JoinHarness() {
  for (ServiceProcess* const service :
       {&left_, &right_, &left_dedup_, &right_dedup_, &join_, &second_join_}) {
    if (service->started()) service->Kill9();
  }
}

void JoinHarness::SetWindows(std::string_view left, std::string_view right) {
  const auto side = [](std::string_view source, std::string_view window) -> json {
    return {{"source_id", source}, {"key", "id"}, {"time_window", window}};
  };
  document["join"]["left_source"] = side("left", left);
  document["join"]["right_source"] = side("right", right);
}

void JoinHarness::AddDedup(std::string_view source_id, std::string_view key,
                           std::string_view window) {
  document["transforms"].push_back({{"type", "dedup"},
                                    {"source_id", source_id},
                                    {"config", {{"key", key}, {"time_window", window}}}});
}

bool JoinHarness::HasDedup(std::string_view source_id) const {
  if (!document.contains("transforms")) return false;
  for (const json& transform : document["transforms"]) {
    if (transform["type"] == "dedup" && transform["source_id"] == source_id) return true;
  }
  return false;
}

void JoinHarness::CreateJoinTable() {
  CreateTable();
}

std::vector<std::string> JoinHarness::With(std::vector<std::string> more) const {
  std::vector<std::string> words = Arguments();
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void JoinHarness::StartSource(std::string_view source_id) {
  source(source_id).Start(With({"--source", std::string(source_id)}));
}

void JoinHarness::StartDedup(std::string_view source_id) {
  const std::string folder = (StateFolder().parent_path() / source_id).string();
  dedup(source_id).Start(With({"--source", std::string(source_id), "--state-dir", folder}));
}

std::filesystem::path JoinHarness::JoinFolder(int replica) const {
  return StateFolder().parent_path() / fmt::format("join-{}", replica);
}

void JoinHarness::StartJoin(ServiceProcess& process, int replica, int replicas) {
  process.Start(With({"--state-dir", JoinFolder(replica).string(), "--replica",
                      fmt::format("{}/{}", replica, replicas)}));
}

void JoinHarness::StartSharing(ServiceProcess& join) {
  auto arguments = SharingArguments(join);
  arguments.insert(arguments.end(),
                   {"--state-dir", (StateFolder().parent_path() / join.name()).string()});
  join.Start(arguments);
}

void JoinHarness::StartAll() {
  for (const char* const side : {"left", "right"}) {
    StartSource(side);
    if (HasDedup(side)) StartDedup(side);
  }
  StartJoin();
  StartSink();
}

void JoinHarness::StopAll() {
  for (ServiceProcess* const service :
       {&left_, &right_, &left_dedup_, &right_dedup_, &join_, &second_join_, &sink()}) {
    StopCleanly(*service);
  }
}

std::vector<std::string> JoinHarness::Joined() const {
  return clickhouse().Lines(fmt::format(
      "SELECT concat(id, ' ', l, ' ', ifNull(r, 'null')) FROM {} ORDER BY ALL", table()));
}

std::int64_t JoinHarness::Lag(KafkaAdmin& kafka, std::string_view source_id) const {
  return kafka.Lag(fmt::format("{}-{}", group(), source_id),
                   source_id == "left" ? topic() : right_topic_);
}

void JoinHarness::WaitForJoinCommits(KafkaAdmin& kafka, Clock::Duration patience) const {
  WaitFor(
      "both topics are committed",
      [&] { return Lag(kafka, "left") == 0 && Lag(kafka, "right") == 0; }, patience);
}

void JoinHarness::PrintJoinLogs() const {
  for (const ServiceProcess* const service :
       {&left_, &right_, &left_dedup_, &right_dedup_, &join_, &second_join_}) {
    if (service->started()) PrintEnd(*service);
  }
  PrintLogs();
}

}  // namespace penstock::testing
