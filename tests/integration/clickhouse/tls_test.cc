// ClickHouse behind TLS, as `openssl s_server` plays it.

#include <cstdio>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/wait.h"
#include "clickhouse/client.h"
#include "support/certificates.h"
#include "support/patience.h"

namespace penstock::clickhouse {
namespace {

using penstock::testing::Certificates;

/// Answers one request as ClickHouse does; it wants a certificate of its clients.
class TlsServer {
 public:
  TlsServer(const Certificates& certificates, std::uint16_t port)
      : pipe_(popen(fmt::format("exec timeout 30 openssl s_server -accept 127.0.0.1:{} -cert {} "
                                "-key {} -CAfile {} -Verify 1 -verify_return_error -quiet -naccept "
                                "1 > /dev/null 2>&1",
                                port, certificates.Path("server.pem"),
                                certificates.Path("server.key"), certificates.Path("ca.pem"))
                        .c_str(),
                    "w")) {
    PENSTOCK_CHECK(pipe_ != nullptr, "a child process");
    std::fputs(
        "HTTP/1.1 200 OK\r\nX-ClickHouse-Summary: {\"written_rows\":\"3\"}\r\n"
        "Content-Length: 0\r\n\r\n",
        pipe_);
    std::fflush(pipe_);
  }
  ~TlsServer() { pclose(pipe_); }
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

 private:
  std::FILE* pipe_;
};

class TlsTest : public ::testing::Test {
 protected:
  ClickHouseConnection Connection() const {
    ClickHouseConnection connection;
    connection.hosts = {fmt::format("127.0.0.1:{}", kPort)};
    connection.database = "d";
    connection.username = "pipe";
    connection.secure = true;
    connection.root_ca = certificates_.Text("ca.pem");
    connection.client_cert = certificates_.Text("client.pem");
    connection.client_key = certificates_.Text("client.key");
    connection.insert_timeout = std::chrono::seconds(10);
    return connection;
  }

  /// What the first attempt at a server that listens comes to.
  InsertOutcome Insert(const ClickHouseConnection& connection) const {
    const TlsServer server(certificates_, kPort);
    Client client(connection);
    EncodedBlock block;
    block.body = "NATIVE";
    block.rows = 3;
    const std::vector<std::string> columns = {"a"};
    InsertOutcome outcome;
    testing::Eventually([&] {
      outcome =
          client.Insert({.table = "t", .columns = columns, .block = &block, .token = "x"}, {});
      return outcome.message.find("connect to") == std::string::npos;
    });
    return outcome;
  }

  // Below what the system gives to others, and not a service's.
  static constexpr std::uint16_t kPort = 28447;
  const Certificates certificates_;
};

TEST_F(TlsTest, OwnAuthorityAndClientCertificate) {
  const InsertOutcome outcome = Insert(Connection());
  EXPECT_TRUE(outcome.ok) << outcome.message;
  EXPECT_EQ(outcome.written_rows, 3U);
}

TEST_F(TlsTest, AServerOfAnUnknownAuthorityGetsNothing) {
  ClickHouseConnection connection = Connection();
  connection.root_ca.clear();
  const InsertOutcome outcome = Insert(connection);
  EXPECT_FALSE(outcome.ok);
  EXPECT_FALSE(outcome.sent);
  EXPECT_NE(outcome.message.find("certificate"), std::string::npos) << outcome.message;
  connection.skip_certificate_verification = true;
  EXPECT_TRUE(Insert(connection).ok);
}

TEST_F(TlsTest, WithoutAClientCertificateTheServerRefuses) {
  ClickHouseConnection connection = Connection();
  connection.client_cert.clear();
  connection.client_key.clear();
  const InsertOutcome outcome = Insert(connection);
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.code_name, "NETWORK");
  EXPECT_EQ(outcome.error_class, ErrorClass::kTransient);
}

}  // namespace
}  // namespace penstock::clickhouse
