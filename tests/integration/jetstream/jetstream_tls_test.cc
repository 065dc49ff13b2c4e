#include <cstdlib>
#include <filesystem>
#include <string>

#include <stdlib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "jetstream_test_base.h"

namespace penstock::testing {
namespace {

using ::testing::HasSubstr;

/// A certification authority, and certificates of a server on 127.0.0.1 and of a client.
class Certificates {
 public:
  Certificates() {
    std::string pattern = std::filesystem::temp_directory_path() / "penstock-tls-XXXXXX";
    PENSTOCK_CHECK(mkdtemp(pattern.data()) != nullptr, "no temporary folder");
    folder_ = pattern;
    Run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=test-ca -keyout ca.key -out ca.pem");
    Sign("server", "subjectAltName=IP:127.0.0.1,DNS:nats.test");
    Sign("client", "extendedKeyUsage=clientAuth");
  }
  ~Certificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  std::string Path(const std::string& file) const { return folder_ / file; }

 private:
  void Sign(const std::string& name, const std::string& extension) const {
    Run(
        fmt::format("openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "
                    "/CN={0} -keyout {0}.key -out {0}.csr && echo {1} > {0}.ext && openssl x509 "
                    "-req -in {0}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile "
                    "{0}.ext -out {0}.pem",
                    name, extension));
  }
  void Run(const std::string& command) const {
    const std::string line =
        fmt::format("cd {} && ({}) >> log.txt 2>&1", folder_.string(), command);
    PENSTOCK_CHECK(std::system(line.c_str()) == 0, command);  // NOLINT(concurrency-mt-unsafe)
  }

  std::filesystem::path folder_;
};

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
