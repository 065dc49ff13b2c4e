// penstock-generate: writes seeded events to a Kafka topic, or prints the table and the pipeline
// document that go with them.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/format.h"
#include "base/result.h"
#include "generate/documents.h"
#include "generate/events.h"
#include "generate/producer.h"
#include "generate/record_sequence.h"

namespace penstock::events {
namespace {

constexpr std::string_view kUsage =
    R"(Writes seeded events to a Kafka topic, record i to partition i modulo their number.

  penstock-generate --topic T [--brokers B] [--workload W] [--events N] [...]
      --brokers B            host:port, comma separated (127.0.0.1:9092)
      --workload W           users (180 bytes), logs (1.35 KB, 25 fields), orders (500 bytes, nested),
                             clicks and accounts (120 bytes: two sides of a join by account_id)
      --events N             records to write (1000000)
      --create               make the topic if it is not there
      --partitions P         with --create: how many (12); else all that the topic has
      --seed S               other seeds, other events (1)
      --rate R               records a second at most
      --compression C        none, lz4, zstd, snappy, gzip (lz4)
      --event-time           Kafka's timestamps are as far apart as the events' own times, and end with
                             the last full hour: topics that are written one after the other go together
      --poison K             every K-th record is not JSON
      --duplicate-percent P  so many of a hundred records repeat an earlier event

  penstock-generate --delete --topic T [--brokers B]
      the topic and all of its records; fine when there is none

  penstock-generate --print table --workload W --table [DB.]T [--engine mergetree|null]
  penstock-generate --print pipeline --workload W --pipeline-id ID --topic T --table T [--brokers B]
      [--clickhouse-host H] [--clickhouse-port P] [--database D] [--user U] [--password P]
      [--max-batch-size N] [--max-delay D] [--shards S] [--transforms none|outputs|dedup]

Example: a demo topic of a million log lines, of which 1 in 100 is sent twice
  penstock-generate --topic demo.logs --workload logs --create --duplicate-percent 1
)";

struct Options {
  bool help = false;
  bool create = false;
  bool remove = false;
  bool event_time = false;
  std::string print;
  std::string compression = "lz4";
  std::string engine = "mergetree";
  std::uint64_t events = 1'000'000;
  std::uint64_t partitions = 0;
  std::uint64_t rate = 0;
  SequenceOptions sequence;
  PipelineOptions pipeline;
};

Error Usage(std::string detail) {
  return Error{Remedy::kStop, "usage", std::move(detail) + " (--help lists the options)"};
}

// One option's value into its place; false: not of the right form.
using Setter = std::function<bool(std::string_view)>;

Setter Text(std::string& out) {
  return [&out](std::string_view value) { return out = value, true; };
}

template <typename T>
Setter Number(T& out, T least = 0) {
  return [&out, least](std::string_view value) {
    const char* const end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, out);
    return error == std::errc() && at == end && out >= least;
  };
}

Setter WorkloadName(Workload& out) {
  return [&out](std::string_view value) {
    const auto workload = ParseWorkload(value);
    if (workload) out = *workload;
    return workload.has_value();
  };
}

Setter TransformsName(Transforms& out) {
  return [&out](std::string_view value) {
    if (value == "none") return out = Transforms::kNone, true;
    if (value == "outputs") return out = Transforms::kOutputs, true;
    return value == "dedup" ? (out = Transforms::kDedup, true) : false;
  };
}

std::map<std::string_view, Setter> Setters(Options& options) {
  PipelineOptions& pipeline = options.pipeline;
  return {{"--print", Text(options.print)},
          {"--brokers", Text(pipeline.brokers)},
          {"--topic", Text(pipeline.topic)},
          {"--workload", WorkloadName(options.sequence.workload)},
          {"--events", Number(options.events)},
          {"--partitions", Number<std::uint64_t>(options.partitions, 1)},
          {"--seed", Number(options.sequence.seed)},
          {"--rate", Number<std::uint64_t>(options.rate, 1)},
          {"--compression", Text(options.compression)},
          {"--poison", Number<std::uint64_t>(options.sequence.poison_every, 1)},
          {"--duplicate-percent", Number(options.sequence.repeat_percent)},
          {"--engine", Text(options.engine)},
          {"--pipeline-id", Text(pipeline.pipeline_id)},
          {"--clickhouse-host", Text(pipeline.clickhouse_host)},
          {"--clickhouse-port", Text(pipeline.clickhouse_http_port)},
          {"--database", Text(pipeline.database)},
          {"--user", Text(pipeline.username)},
          {"--password", Text(pipeline.password)},
          {"--table", Text(pipeline.table)},
          {"--max-batch-size", Number<std::uint64_t>(pipeline.max_batch_size, 1)},
          {"--max-delay", Text(pipeline.max_delay_time)},
          {"--transforms", TransformsName(pipeline.transforms)},
          {"--shards", Number<std::uint32_t>(pipeline.shards, 1)}};
}

Result<Options> ParseArguments(int argc, char** argv) {
  Options options;
  const auto setters = Setters(options);
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--help" || name == "-h") {
      options.help = true;
    } else if (name == "--create") {
      options.create = true;
    } else if (name == "--event-time") {
      options.event_time = true;
    } else if (name == "--delete") {
      options.remove = true;
    } else {
      const auto setter = setters.find(name);
      if (setter == setters.end()) return Usage(fmt::format("no such option: {}", name));
      if (i + 1 == argc) return Usage(fmt::format("{} needs a value", name));
      if (!setter->second(argv[++i])) {
        return Usage(fmt::format("{} cannot be '{}'", name, argv[i]));
      }
    }
  }
  return options;
}

Status Print(const Options& options) {
  const Workload workload = options.sequence.workload;
  if (options.pipeline.table.empty()) return Usage("--print needs --table");
  if (options.print == "table") {
    if (options.engine != "mergetree" && options.engine != "null") {
      return Usage("--engine is mergetree or null");
    }
    const Engine engine = options.engine == "null" ? Engine::kNull : Engine::kMergeTree;
    fmt::print("{}\n", CreateTableStatement(workload, options.pipeline.table, engine));
    return Done{};
  }
  if (options.print != "pipeline") return Usage("--print is table or pipeline");
  if (options.pipeline.topic.empty()) return Usage("--print pipeline needs --topic");
  if (options.pipeline.pipeline_id.empty()) return Usage("--print pipeline needs --pipeline-id");
  if (options.pipeline.transforms == Transforms::kOutputs && workload != Workload::kUsers) {
    return Usage("--transforms outputs is for the workload users");
  }
  fmt::print("{}", PipelineDocument(workload, options.pipeline));
  return Done{};
}

Result<std::int32_t> PreparePartitions(const Options& options, Producer& producer) {
  if (options.create) {
    const std::uint64_t wanted = options.partitions == 0 ? 12 : options.partitions;
    PENSTOCK_RETURN_IF_ERROR(producer.CreateTopic(static_cast<std::int32_t>(wanted)));
  }
  PENSTOCK_ASSIGN_OR_RETURN(const std::int32_t there, producer.Partitions());
  if (options.partitions == 0) return there;
  if (std::cmp_greater(options.partitions, there)) {
    return Usage(fmt::format("the topic has {} partitions only", there));
  }
  return static_cast<std::int32_t>(options.partitions);
}

// What makes the last event's time the last full hour.
std::int64_t ToLastHour(std::uint64_t events) {
  constexpr std::int64_t kHourMs = 3'600'000;
  return SystemClock().WallMs() / kHourMs * kHourMs - EventTimeMs(events);
}

Status Generate(const Options& options) {
  if (options.pipeline.topic.empty()) return Usage("--topic is missing");
  PENSTOCK_ASSIGN_OR_RETURN(
      const auto producer,
      Producer::Make(options.pipeline.brokers, options.pipeline.topic, options.compression));
  if (options.remove) return producer->DeleteTopic();
  PENSTOCK_ASSIGN_OR_RETURN(const std::int32_t partitions, PreparePartitions(options, *producer));
  RecordSequence sequence(options.sequence);
  std::string record;
  std::uint64_t bytes = 0;
  const Clock& clock = SystemClock();
  const Clock::Time start = clock.Now();
  const std::int64_t shift_ms = ToLastHour(options.events);
  for (std::uint64_t i = 0; i < options.events; ++i) {
    if (options.rate > 0) {
      const std::chrono::duration<double> due(static_cast<double>(i) /
                                              static_cast<double>(options.rate));
      PENSTOCK_RETURN_IF_ERROR(
          producer->ServeUntil(start + std::chrono::duration_cast<Clock::Duration>(due)));
    }
    sequence.Next(record);
    bytes += record.size();
    const auto partition = static_cast<std::int32_t>(i % static_cast<std::uint64_t>(partitions));
    PENSTOCK_RETURN_IF_ERROR(
        producer->Produce(partition, record, options.event_time ? EventTimeMs(i) + shift_ms : 0));
  }
  PENSTOCK_RETURN_IF_ERROR(producer->Finish());
  const double seconds = std::chrono::duration<double>(clock.Now() - start).count();
  fmt::print(
      "{} records ({}, seed {}) to {} in {} partitions: {:.1f} s, {:.0f} records/s, {:.1f} MB/s; "
      "distinct {}, repeats {}, poison {}\n",
      sequence.records(), ToText(options.sequence.workload), options.sequence.seed,
      options.pipeline.topic, partitions, seconds, static_cast<double>(options.events) / seconds,
      static_cast<double>(bytes) / seconds / 1e6, sequence.distinct(), sequence.repeats(),
      sequence.poison());
  return Done{};
}

Status Run(int argc, char** argv) {
  PENSTOCK_ASSIGN_OR_RETURN(const Options options, ParseArguments(argc, argv));
  if (options.help) {
    fmt::print("{}", kUsage);
    return Done{};
  }
  return options.print.empty() ? Generate(options) : Print(options);
}

}  // namespace
}  // namespace penstock::events

int main(int argc, char** argv) try {
  const penstock::Status status = penstock::events::Run(argc, argv);
  if (status.ok()) return 0;
  fmt::print(stderr, "penstock-generate: {}\n", status.error().detail);
  return 1;
} catch (const std::exception& error) {  // A closed standard output, or no memory.
  std::fputs(error.what(), stderr);
  return 1;
}
