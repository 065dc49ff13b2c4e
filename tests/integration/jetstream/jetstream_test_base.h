#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/format.h"
#include "jetstream/connection.h"
#include "support/nats_server.h"
#include "support/patience.h"

namespace penstock::testing {

inline jetstream::NatsOptions OptionsFor(const NatsServer& server) {
  jetstream::NatsOptions options;
  options.urls = {server.url()};
  options.name = "test";
  return options;
}

inline std::unique_ptr<jetstream::Connection> MustConnect(jetstream::NatsOptions options) {
  auto connected = jetstream::Connection::Connect(std::move(options));
  PENSTOCK_CHECK(connected.ok(), connected.error().detail);
  return std::move(connected).value();
}

inline io::StreamConfig StreamNamed(const std::string& name) {
  io::StreamConfig config;
  config.name = name;
  config.subjects = {name};
  return config;
}

/// Makes or finds the stream, as soon as a server answers.
inline bool MustEnsure(io::Streams& streams, const io::StreamConfig& config) {
  return Eventually([&] {
    const auto ensured = streams.Ensure(config);
    EXPECT_TRUE(ensured.ok() || ensured.error().remedy == Remedy::kRetry) << ensured.error().detail;
    return ensured.ok();
  });
}

}  // namespace penstock::testing
