#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include "jetstream/connection.h"
#include "support/nats_server.h"
#include "support/stream_conformance.h"

namespace penstock::testing {
namespace {

NatsServer& SharedServer() {
  static const std::unique_ptr<NatsServer> server = NatsServer::Start();
  return *server;
}

class NatsWorld {
 public:
  NatsWorld() {
    jetstream::NatsOptions options;
    options.urls = {SharedServer().url()};
    auto connected = jetstream::Connection::Connect(options);
    PENSTOCK_CHECK(connected.ok(), connected.error().detail);
    connection_ = std::move(connected).value();
  }
  io::Publisher& publisher() { return connection_->publisher(); }
  io::Streams& streams() { return connection_->streams(); }
  std::unique_ptr<io::KeyValue> OpenBucket(const std::string& name) {
    auto opened = connection_->OpenKeyValue(name, 3);
    PENSTOCK_CHECK(opened.ok(), opened.error().detail);
    return std::move(opened).value();
  }

 private:
  std::unique_ptr<jetstream::Connection> connection_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Nats, StreamConformance, NatsWorld);

}  // namespace
}  // namespace penstock::testing
