#include "ctl/build.h"

#include <chrono>
#include <utility>

#include "base/backoff.h"
#include "base/wait.h"
#include "ctl/check_command.h"
#include "ctl/dlq_command.h"
#include "ctl/eval_command.h"
#include "ctl/nats.h"
#include "ctl/plan_command.h"
#include "ctl/rewind_command.h"
#include "ctl/run_command.h"
#include "ctl/test_command.h"
#include "ctl/validate_command.h"
#include "ctl/verify_command.h"
#include "jetstream/connection.h"
#include "kafka/consumer_group.h"
#include "kafka/record_fetcher.h"
#include "process/commands.h"
#include "protocol/names.h"
#include "stage/nats.h"

namespace penstock::ctl {

namespace {

// As the stages ask for: as many copies as NATS has to give.
constexpr std::uint32_t kBucketReplicas = 3;
constexpr auto kLongestPause = std::chrono::milliseconds(500);

class RealNats final : public Nats {
 public:
  RealNats(std::unique_ptr<jetstream::Connection> connection, std::string bucket)
      : connection_(std::move(connection)), bucket_(std::move(bucket)) {}

  io::Streams& streams() override { return connection_->streams(); }
  io::Publisher& publisher() override { return connection_->publisher(); }
  Result<std::unique_ptr<io::KeyValue>> OpenBucket() override {
    return connection_->OpenKeyValue(bucket_, kBucketReplicas);
  }

 private:
  const std::unique_ptr<jetstream::Connection> connection_;
  const std::string bucket_;
};

// JetStream answers later than the server accepts connections: while it opens its streams.
Result<std::unique_ptr<Nats>> TryConnect(const jetstream::NatsOptions& options,
                                         const std::string& pipeline_id) {
  PENSTOCK_ASSIGN_OR_RETURN(auto connection, jetstream::Connection::Connect(options));
  const auto asked = connection->streams().State(protocol::DeadLetterStream(pipeline_id));
  if (!asked.ok() && asked.error().code != "not_found") return asked.error();
  return std::unique_ptr<Nats>(
      std::make_unique<RealNats>(std::move(connection), protocol::Bucket(pipeline_id)));
}

Result<std::unique_ptr<Nats>> Connect(const PipelineSpec& spec, const std::string& urls,
                                      Clock::Duration patience, std::stop_token stop) {
  const Clock& clock = SystemClock();
  const jetstream::NatsOptions options = stage::NatsOptionsOf(spec, urls, "ctl");
  const Clock::Time deadline = clock.Now() + patience;
  Backoff backoff(std::chrono::milliseconds(20), kLongestPause);
  while (true) {
    auto nats = TryConnect(options, spec.pipeline_id);
    if (nats.ok() || nats.error().remedy != Remedy::kRetry) return nats;
    const Clock::Time next = clock.Now() + backoff.Next();
    if (next >= deadline || !WaitUntil(next, stop)) return nats;
  }
}

Result<std::unique_ptr<io::RecordFetcher>> OpenKafkaRecords(const SourceSpec& source) {
  return kafka::OpenRecordFetcher(source.connection, source.topic);
}

Result<std::unique_ptr<io::ConsumerGroup>> OpenKafkaGroup(const SourceSpec& source) {
  return kafka::OpenConsumerGroup(source.connection, source.topic, source.consumer_group);
}

}  // namespace

int RunPenstock(std::span<const std::string_view> args) {
  using Args = std::span<const std::string_view>;
  process::Commands commands("penstock",
                             "Penstock moves events from Kafka into ClickHouse, each exactly once. "
                             "One file describes one pipeline.");
  commands.Add({"validate", "say all that is wrong with pipeline files", ValidateCommand});
  commands.Add({"plan", "show what will run for a pipeline file", PlanCommand});
  commands.Add({"check", "ask the servers whether a pipeline can run",
                [](Args rest) { return CheckCommand(Connect, OpenKafkaRecords, rest); }});
  const KafkaOpeners kafka{.records = OpenKafkaRecords, .group = OpenKafkaGroup};
  commands.Add({"verify", "add up what became of every record",
                [kafka](Args rest) { return VerifyCommand(Connect, kafka, rest); }});
  commands.Add({"rewind", "read a pipeline's records again from a place",
                [kafka](Args rest) { return RewindCommand(kafka, rest); }});
  commands.Add({"run", "run a pipeline on this machine",
                [](Args rest) { return RunCommand(Connect, rest); }});
  commands.Add({"test", "run a pipeline's own cases, without servers", TestCommand});
  commands.Add({"eval", "try an expression on records", EvalCommand});
  commands.Add({"dlq list", "show the records that could not become rows",
                [](Args rest) { return DlqListCommand(Connect, rest); }});
  commands.Add({"dlq show", "show all about one of them",
                [](Args rest) { return DlqShowCommand(Connect, rest); }});
  commands.Add({"dlq replay", "send them through the pipeline again",
                [](Args rest) { return DlqReplayCommand(Connect, OpenKafkaRecords, rest); }});
  commands.Add({"dlq purge", "remove them for good",
                [](Args rest) { return DlqPurgeCommand(Connect, rest); }});
  return commands.Run(args);
}

}  // namespace penstock::ctl
