#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/clock.h"
#include "jetstream/connection.h"
#include "support/nats_server.h"

namespace penstock {
namespace {

constexpr std::chrono::seconds kTimeout{30};

/// A server of its own with one stream, and data that does not compress.
class World {
 public:
  explicit World(std::size_t size) : server_(testing::NatsServer::Start()), data_(size, '\0') {
    jetstream::NatsOptions options;
    options.urls = {server_->url()};
    auto connected = jetstream::Connection::Connect(options);
    PENSTOCK_CHECK(connected.ok(), connected.error().detail);
    connection = std::move(connected).value();
    io::StreamConfig config;
    config.name = "S";
    config.subjects = {"s"};
    PENSTOCK_CHECK(connection->streams().Ensure(config).ok(), "no stream");
    std::minstd_rand random(1);
    for (char& byte : data_) byte = static_cast<char>(random());
  }

  /// One message, acknowledged.
  void Publish(bool fenced) {
    io::PublishRequest request{"s", data_, std::nullopt, {}};
    if (fenced) request.expected_last = last_;
    const auto ack = connection->publisher().PublishAndWait(request, kTimeout);
    PENSTOCK_CHECK(ack.ok(), ack.error().detail);
    last_ = ack.value().seq;
    // The disk is not what is measured.
    if (last_.rep() % 512 == 0) {
      const Status trimmed = connection->streams().Trim("S", last_);
      PENSTOCK_CHECK(trimmed.ok(), "trim");
    }
  }

  std::unique_ptr<testing::NatsServer> server_;
  std::unique_ptr<jetstream::Connection> connection;

 private:
  std::string data_;
  StreamSeq last_{0};
};

void Count(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

/// As the ingestor: one message outstanding, no expectation.
void PublishOneOutstanding(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  World world(size);
  for ([[maybe_unused]] auto step : state) world.Publish(false);
  Count(state, size);
}

/// As the transform: with the expected last sequence.
void PublishFenced(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  World world(size);
  for ([[maybe_unused]] auto step : state) world.Publish(true);
  Count(state, size);
}

/// One reader from the start of a stream of 256 messages, in windows of range(1) bytes.
void ReadStream(benchmark::State& state) {
  constexpr std::size_t kMessages = 256;
  const auto size = static_cast<std::size_t>(state.range(0));
  World world(size);
  for (std::size_t i = 0; i < kMessages; ++i) world.Publish(false);
  std::unique_ptr<io::StreamReader> reader;
  std::size_t left = 0;     // In the stream.
  std::size_t waiting = 0;  // Of the last read.
  for ([[maybe_unused]] auto step : state) {
    if (left == 0 && waiting == 0) {
      reader = world.connection->streams().ReadFrom("S", StreamSeq(1));
      left = kMessages;
    }
    if (waiting == 0) {
      const auto read = reader->Read(static_cast<std::size_t>(state.range(1)),
                                     SystemClock().Now() + kTimeout, {});
      PENSTOCK_CHECK(read.ok() && !read.value().empty(), "nothing to read");
      waiting = read.value().size();
      left -= waiting;
    }
    --waiting;
  }
  Count(state, size);
}

BENCHMARK(PublishOneOutstanding)
    ->Arg(32 << 10)
    ->Arg(512 << 10)
    ->MeasureProcessCPUTime()
    ->UseRealTime();
BENCHMARK(PublishFenced)->Arg(512 << 10)->MeasureProcessCPUTime()->UseRealTime();
BENCHMARK(ReadStream)
    ->Args({32 << 10, 1 << 20})
    ->Args({512 << 10, 1 << 20})
    ->Args({512 << 10, 4 << 20})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace penstock
