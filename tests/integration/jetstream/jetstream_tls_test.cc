#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "jetstream_test_base.h"
#include "support/certificates.h"

namespace penstock::testing {
namespace {

using ::testing::HasSubstr;

class Tls : public ::testing::Test {
 protected:
  std::unique_ptr<NatsServer> Server(const std::string& more) {
    return NatsServer::Start(
        {.config = fmt::format("tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", {} }}",
                               certificates_.Path("server.pem"), certificates_.Path("server.key"),
                               certificates_.Path("ca.pem"), more)});
  }
  jetstream::NatsOptions Trusting(const NatsServer& server) {
    auto options = OptionsFor(server);
    options.tls.enabled = true;
    options.tls.ca_file = certificates_.Path("ca.pem");
    return options;
  }

  Certificates certificates_;
};

TEST_F(Tls, ServesAndComesBack) {
  const auto server = Server("timeout: 5");
  const auto connection = MustConnect(Trusting(*server));
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  const std::string data(5'000'000, 't');
  ASSERT_TRUE(connection->publisher().PublishAndWait({"S", data, {}, {}}, kPatience).ok());
  server->Kill9();
  server->Restart();
  ASSERT_TRUE(Eventually([&] {
    const auto last = connection->streams().Last("S");
    return last.ok() && last.value().has_value() && last.value()->data == data;
  }));
}

TEST_F(Tls, AServerThatIsNotTheNamedOneIsRefused) {
  const auto server = Server("timeout: 5");
  auto options = Trusting(*server);
  options.tls.server_name = "other.test";
  EXPECT_EQ(CodeOf(jetstream::Connection::Connect(options)), "refused");
  options.tls.server_name = "nats.test";
  EXPECT_EQ(CodeOf(jetstream::Connection::Connect(options)), "ok");

  // Without a name the URL's host counts; the certificate does not speak for this one.
  options.tls.server_name.clear();
  options.urls = {fmt::format("nats://localhost:{}", server->port())};
  EXPECT_EQ(CodeOf(jetstream::Connection::Connect(options)), "refused");
  options.urls.push_back(options.urls[0]);
  EXPECT_EQ(CodeOf(jetstream::Connection::Connect(options)), "refused") << "several URLs";
  options.tls.skip_verification = true;
  EXPECT_EQ(CodeOf(jetstream::Connection::Connect(options)), "ok");
}

TEST_F(Tls, AnUnknownAuthorityIsRefused) {
  const auto server = Server("timeout: 5");
  auto options = Trusting(*server);
  options.tls.ca_file.clear();
  const auto refused = jetstream::Connection::Connect(options);
  ASSERT_EQ(CodeOf(refused), "refused");
  EXPECT_THAT(refused.error().detail, HasSubstr("TLS"));
}

TEST_F(Tls, EachSideSaysWhenTheOtherHasNone) {
  const auto secure = Server("timeout: 5");
  const auto plain = jetstream::Connection::Connect(OptionsFor(*secure));
  ASSERT_EQ(CodeOf(plain), "refused");
  EXPECT_THAT(plain.error().detail, HasSubstr("TLS"));

  const auto open = NatsServer::Start();
  const auto refused = jetstream::Connection::Connect(Trusting(*open));
  ASSERT_EQ(CodeOf(refused), "refused");
  EXPECT_THAT(refused.error().detail, HasSubstr("has no TLS"));
}

TEST_F(Tls, ClientCertificate) {
  const auto server = Server("timeout: 5, verify: true");
  auto options = Trusting(*server);
  EXPECT_FALSE(jetstream::Connection::Connect(options).ok());
  options.tls.certificate_file = certificates_.Path("client.pem");
  options.tls.key_file = certificates_.Path("client.key");
  const auto connected = jetstream::Connection::Connect(options);
  EXPECT_EQ(CodeOf(connected), "ok") << connected.error().detail;
}

}  // namespace
}  // namespace penstock::testing
