// What it costs to take records from a real Kafka, and nothing else: CPU seconds (user and system,
// all threads) for a million records, the rate, and the most memory that was used.
//
//   kafka_consume BROKERS TOPIC RECORDS [PROPERTY=VALUE…]
//
// Reads RECORDS from the start of the topic in a group of its own; properties are librdkafka's.
// penstock-generate fills a topic; with its --rate this shows what a slow stream costs.
#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <sys/resource.h>

#include "base/clock.h"
#include "kafka/kafka_source.h"

namespace penstock {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}
double SecondsSince(Clock::Time start) {
  return std::chrono::duration<double>(SystemClock().Now() - start).count();
}

/// Starts all that is assigned, counts records.
struct Reader {
  std::unique_ptr<io::RecordSource> source;
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  std::int64_t chunks = 0;
  std::int64_t polls = 0;
  std::vector<std::int64_t> ages_ms;  ///< Of the oldest record of each chunk.

  void Step() {
    ++polls;
    for (io::SourceEvent& event :
         source->Poll(SystemClock().Now() + std::chrono::milliseconds(100))) {
      if (auto* chunk = std::get_if<std::unique_ptr<io::RecordChunk>>(&event)) {
        ++chunks;
        ages_ms.push_back(SystemClock().WallMs() - (*chunk)->records().front().timestamp_ms);
        records += static_cast<std::int64_t>((*chunk)->records().size());
        for (const io::Record& record : (*chunk)->records()) {
          bytes += static_cast<std::int64_t>(record.value.size());
        }
      } else if (const auto* assigned = std::get_if<io::Assigned>(&event)) {
        std::vector<io::OffsetToCommit> from;
        for (const std::int32_t partition : assigned->partitions) {
          from.push_back({.partition = partition, .next = Offset(0), .metadata = {}});
        }
        if (const Status started = source->StartReading(from); !started.ok()) {
          fmt::print(stderr, "{}\n", started.error().detail);
        }
      } else if (const auto* trouble = std::get_if<io::SourceTrouble>(&event)) {
        fmt::print(stderr, "{}\n", trouble->error.detail);
      }
    }
  }
};

std::int64_t Quantile(std::vector<std::int64_t>& values, double share) {
  if (values.empty()) return 0;
  const auto place =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

int Read(const std::vector<std::string>& arguments) {
  kafka::SourceOptions options;
  options.connection.brokers = {arguments[0]};
  options.topic = arguments[1];
  options.group = fmt::format("kafka_consume-{:08x}", std::random_device()());
  options.client_id = "kafka_consume";
  const std::int64_t wanted = std::atoll(arguments[2].c_str());
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    options.connection.properties[arguments[i].substr(0, equals)] = arguments[i].substr(equals + 1);
  }
  auto source = kafka::OpenKafkaSource(std::move(options));
  if (!source.ok()) {
    fmt::print(stderr, "{}\n", source.error().detail);
    return 1;
  }
  Reader reader;
  reader.source = std::move(source).value();
  while (reader.records == 0) reader.Step();
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  const Clock::Time start = SystemClock().Now();
  const std::int64_t already = reader.records;
  while (reader.records < wanted) reader.Step();
  const double wall = SecondsSince(start);
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  const double million = static_cast<double>(reader.records - already) / 1e6;
  const double user = Seconds(after.ru_utime) - Seconds(before.ru_utime);
  const double system = Seconds(after.ru_stime) - Seconds(before.ru_stime);
  fmt::print(
      "{} records, {:.0f} B each, {:.1f} a chunk, {:.1f} a poll: {:.3f} CPU s a million "
      "({:.3f} user, {:.3f} system), {:.0f}/s, {} MiB; age at arrival {} ms, {} ms for 95 %\n",
      reader.records, static_cast<double>(reader.bytes) / static_cast<double>(reader.records),
      static_cast<double>(reader.records) / static_cast<double>(reader.chunks),
      static_cast<double>(reader.records) / static_cast<double>(reader.polls),
      (user + system) / million, user / million, system / million,
      static_cast<double>(reader.records - already) / wall, after.ru_maxrss / 1024,
      Quantile(reader.ages_ms, 0.5), Quantile(reader.ages_ms, 0.95));
  reader.source->Close();
  return 0;
}

}  // namespace
}  // namespace penstock

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() >= 3) return penstock::Read(arguments);
  fmt::print(stderr, "usage: kafka_consume BROKERS TOPIC RECORDS [PROPERTY=VALUE…]\n");
  return 2;
}
