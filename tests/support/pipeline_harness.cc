#include "support/pipeline_harness.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "base/format.h"
#include "protocol/names.h"
#include "protocol/shard_record_codec.h"

namespace penstock::testing {

namespace {

using nlohmann::json;

constexpr std::size_t kLogLinesShown = 40;
constexpr std::uint32_t kBucketReplicas = 3;
constexpr std::chrono::milliseconds kReadWait{200};
constexpr std::size_t kReadBytes = 4 << 20;

template <typename T>
T Take(Result<T> result, std::string_view what) {
  if (!result.ok()) throw std::runtime_error(fmt::format("{}: {}", what, result.error().detail));
  return std::move(result).value();
}

std::filesystem::path MakeFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "penstock-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return pattern;
}

std::string Executable(std::string_view name) {
  return fmt::format("{}/{}", PENSTOCK_BIN_DIR, name);
}

}  // namespace

PipelineHarness::PipelineHarness(const Servers& servers, std::string topic,
                                 std::vector<PipelineField> fields)
    : servers_(servers),
      id_(UniqueName("test")),
      topic_(std::move(topic)),
      fields_(std::move(fields)),
      folder_(MakeFolder()),
      nats_urls_({servers.nats}),
      clickhouse_(servers),
      ingestor_(Executable("penstock-ingestor"), "ingestor", folder_),
      transform_(Executable("penstock-transform"), "transform", folder_),
      sink_(Executable("penstock-sink"), "sink", folder_) {
  document = MakeDocument();
}

PipelineHarness::~PipelineHarness() {
  try {
    ingestor_.Kill9();
    transform_.Kill9();
    sink_.Kill9();
    if (nats_urls_ == std::vector{servers_.nats}) RemoveStreams();
    clickhouse_.Query(fmt::format("DROP TABLE IF EXISTS {} SYNC", table()));
  } catch (const std::exception& failure) {
    fmt::print("cleaning up after {}: {}\n", id_, failure.what());
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

json PipelineHarness::MakeDocument() const {
  json schema = json::array();
  json mapping = json::array();
  for (const PipelineField& field : fields_) {
    if (!field.type.empty()) schema.push_back({{"name", field.name}, {"type", field.type}});
    if (field.column.empty()) continue;
    mapping.push_back(
        {{"name", field.name}, {"column_name", field.column}, {"column_type", field.column_type}});
  }
  const ClickHouseConnection& clickhouse = servers_.clickhouse;
  return {{"pipeline_id", id_},
          {"sources",
           {{{"type", "kafka"},
             {"source_id", "events"},
             {"topic", topic_},
             {"connection_params",
              {{"brokers", {servers_.kafka}}, {"protocol", "PLAINTEXT"}, {"mechanism", "NO_AUTH"}}},
             {"schema_fields", schema}}}},
          {"sink",
           {{"type", "clickhouse"},
            {"connection_params",
             {{"host", clickhouse.hosts.front()},
              {"http_port", clickhouse.http_port},
              {"database", clickhouse.database},
              {"username", clickhouse.username},
              {"password", clickhouse.password}}},
            {"table", id_},
            {"max_delay_time", "200ms"},
            {"mapping", mapping}}},
          {"resources", {{"shards", 2}, {"nats", {{"stream", {{"maxBytes", "256MiB"}}}}}}}};
}

void PipelineHarness::UseNats(std::vector<std::string> urls) {
  nats_urls_ = std::move(urls);
  nats_.reset();
}

void PipelineHarness::CreateTable() {
  std::string columns;
  for (const PipelineField& field : fields_) {
    if (field.column.empty()) continue;
    columns +=
        fmt::format("{}`{}` {}", columns.empty() ? "" : ", ", field.column, field.column_type);
  }
  CreateTable(columns);
}

void PipelineHarness::CreateTable(std::string_view columns, std::string_view settings) {
  clickhouse_.Query(
      fmt::format("CREATE TABLE {} ({}) ENGINE = MergeTree ORDER BY tuple() SETTINGS "
                  "non_replicated_deduplication_window = 10000{}",
                  table(), columns, settings));
}

std::string PipelineHarness::table() const {
  return fmt::format("{}.`{}`", ClickHouse::kDatabase, id_);
}

std::vector<std::string> PipelineHarness::Arguments() const {
  const std::filesystem::path file = folder_ / "pipeline.json";
  std::ofstream(file) << document.dump(2);
  return {"--pipeline", file.string(), "--nats", fmt::format("{}", fmt::join(nats_urls_, ","))};
}

std::vector<std::string> PipelineHarness::SharingArguments(const ServiceProcess& replica,
                                                           LeaseTimes times) const {
  std::vector<std::string> arguments = Arguments();
  arguments.insert(arguments.end(), {"--replica-name", replica.name()});
  if (times == LeaseTimes::kShort) {
    arguments.insert(arguments.end(), {"--lease-heartbeat", "200ms", "--lease-timeout", "1s"});
  }
  return arguments;
}

void PipelineHarness::Start() {
  StartIngestor();
  if (transforms()) StartTransform();
  StartSink();
}

void PipelineHarness::StartTransform() {
  std::vector<std::string> arguments = Arguments();
  arguments.insert(arguments.end(), {"--state-dir", (folder_ / "state").string()});
  transform_.Start(arguments);
}

std::filesystem::path PipelineHarness::StateFolder() const {
  return folder_ / "state" / protocol::PipelineToken(id_);
}

ServiceProcess PipelineHarness::NewService(std::string_view program, std::string name) const {
  return {Executable(program), std::move(name), folder_};
}

void PipelineHarness::WaitForRows(std::uint64_t rows, Clock::Duration patience) const {
  std::uint64_t found = 0;
  try {
    WaitFor(
        "rows", [&] { return (found = Rows()) >= rows; }, patience);
  } catch (const std::runtime_error& failure) {
    throw std::runtime_error(fmt::format("{}: {} of {}", failure.what(), found, rows));
  }
}

void PipelineHarness::WaitForCommits(KafkaAdmin& kafka, Clock::Duration patience) const {
  WaitFor(
      "everything is committed", [&] { return kafka.Lag(group(), topic_) == 0; }, patience);
}

std::int64_t PipelineHarness::Committed(KafkaAdmin& kafka) const {
  std::int64_t sum = 0;
  for (const auto& [partition, committed] : kafka.Committed(group(), topic_)) {
    sum += committed.next.rep();
  }
  return sum;
}

jetstream::Connection& PipelineHarness::Nats() {
  if (!nats_) {
    jetstream::NatsOptions options;
    options.urls = nats_urls_;
    options.name = "test";
    nats_ = Take(jetstream::Connection::Connect(options), "NATS");
  }
  return *nats_;
}

std::map<std::uint32_t, ShardRecord> PipelineHarness::ShardRecords() {
  const auto bucket =
      Take(Nats().OpenKeyValue(protocol::Bucket(id_), kBucketReplicas), "the bucket");
  std::map<std::uint32_t, ShardRecord> records;
  for (std::uint32_t shard = 0; shard < shards(); ++shard) {
    const auto entry = Take(bucket->Get(protocol::ShardRecordKey(ShardId(shard))), "a record");
    if (!entry) continue;
    records.emplace(shard, Take(protocol::DecodeShardRecord(entry->value), "a record's value"));
  }
  return records;
}

void PipelineHarness::PutShardRecord(std::uint32_t shard, const ShardRecord& record) {
  const auto bucket =
      Take(Nats().OpenKeyValue(protocol::Bucket(id_), kBucketReplicas), "the bucket");
  const std::string key = protocol::ShardRecordKey(ShardId(shard));
  const auto entry = Take(bucket->Get(key), "a record");
  Take(bucket->Update(key, protocol::EncodeShardRecord(record), entry ? entry->revision : 0),
       "a record");
}

Account PipelineHarness::TotalAccount() {
  Account total;
  for (const auto& [shard, record] : ShardRecords()) {
    for (const auto& [origin, progress] : record.progress) total += progress.account;
  }
  return total;
}

std::vector<json> PipelineHarness::DeadLetters() {
  const std::string stream = protocol::DeadLetterStream(id_);
  const io::StreamState state = Take(streams().State(stream), stream);
  const auto reader = streams().ReadFrom(stream, StreamSeq(1));
  std::vector<json> letters;
  for (StreamSeq seq{0}; seq < state.last;) {
    const Clock::Time deadline = SystemClock().Now() + kReadWait;
    for (const io::StreamMessage& message : Take(reader->Read(kReadBytes, deadline, {}), stream)) {
      seq = message.seq;
      std::istringstream lines(message.data);
      for (std::string line; std::getline(lines, line);) letters.push_back(json::parse(line));
    }
  }
  return letters;
}

void PipelineHarness::RemoveStreams() {
  std::vector<std::string> names = {protocol::DeadLetterStream(id_), "KV_" + protocol::Bucket(id_)};
  for (std::uint32_t shard = 0; shard < shards(); ++shard) {
    for (const Hop hop : {Hop::kIn, Hop::kLeft, Hop::kRight, Hop::kOut, Hop::kKeys, Hop::kLeftIn,
                          Hop::kRightIn, Hop::kLeftKeys, Hop::kRightKeys}) {
      names.push_back(protocol::StreamName(id_, hop, ShardId(shard)));
    }
  }
  for (const std::string& name : names) {
    const Status removed = streams().Remove(name);
    if (!removed.ok() && removed.error().code != "not_found") Take(removed, name);
  }
}

void PipelineHarness::PrintEnd(const ServiceProcess& service) {
  const std::string log = service.Log();
  std::size_t from = log.size();
  for (std::size_t lines = 0; from > 0 && lines <= kLogLinesShown; ++lines) {
    from = log.rfind('\n', from - 1);
    if (from == log.npos) from = 0;
  }
  fmt::print("--- the end of the log of {}:\n{}\n", service.name(), log.substr(from));
}

void PipelineHarness::PrintLogs() const {
  if (ingestor_.started()) PrintEnd(ingestor_);
  if (transform_.started()) PrintEnd(transform_);
  if (sink_.started()) PrintEnd(sink_);
}

}  // namespace penstock::testing
