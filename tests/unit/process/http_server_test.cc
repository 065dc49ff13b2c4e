#include "process/http_server.h"

#include <chrono>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "process/http_get.h"

namespace penstock::process {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started =
        HttpServer::Start("127.0.0.1:0", "penstock-sink: pipeline orders", {metrics_, health_});
    ASSERT_TRUE(started.ok()) << started.error().detail;
    server_ = std::move(started).value();
  }

  HttpReply Get(const std::string& path) const {
    const auto reply = HttpGet("127.0.0.1", server_->port(), path, 10s);
    EXPECT_TRUE(reply.ok()) << reply.error().detail;
    return reply.ok() ? reply.value() : HttpReply{};
  }

  Metrics metrics_;
  Health health_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ReadinessGivesItsReasons) {
  const Health::Condition kafka = health_.Require("kafka");
  const Health::Condition table = health_.Require("table");
  table.Fails("no such column");
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/readyz").body, "kafka: not yet\ntable: no such column\n");
  kafka.Holds();
  table.Holds();
  EXPECT_EQ(Get("/readyz").status, 200);
  EXPECT_EQ(Get("/readyz").body, "ok\n");
  EXPECT_EQ(Get("/livez").status, 200);
}

TEST_F(HttpServerTest, MetricsAreInPrometheusTextFormat) {
  metrics_.AddCounter("penstock_sink_rows_in_total", "Rows read.").Add(3);
  const HttpReply reply = Get("/metrics");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("# TYPE penstock_sink_rows_in_total counter\n"
                                    "penstock_sink_rows_in_total 3\n"));
}

TEST_F(HttpServerTest, AddedPagesAreServedAndListed) {
  server_->AddPage("/status", "where it stands",
                   [] { return HttpAnswer{.content_type = "application/json", .body = "{}"}; });
  EXPECT_EQ(Get("/status").body, "{}");
  EXPECT_EQ(Get("/").body,
            "penstock-sink: pipeline orders\n\n"
            "/livez       200 as long as every loop beats\n"
            "/metrics     for Prometheus\n"
            "/readyz      200 when everything that it needs is there\n"
            "/status      where it stands\n");
  EXPECT_EQ(Get("/nothing").status, 404);
  EXPECT_EQ(Get("/status/../../etc/passwd").status, 404);
}

TEST_F(HttpServerTest, APageThatThrowsIsAnAnswer500) {
  server_->AddPage("/bad", "throws", []() -> HttpAnswer { throw std::runtime_error("oops"); });
  EXPECT_EQ(Get("/bad").status, 500);
  EXPECT_EQ(Get("/bad").body, "oops\n");
}

TEST_F(HttpServerTest, ATakenOrMalformedAddressIsAClearError) {
  for (const std::string& address : {fmt::format("127.0.0.1:{}", server_->port()),
                                     std::string("nowhere:http"), std::string("192.0.2.1:9464")}) {
    SCOPED_TRACE(address);
    const auto second = HttpServer::Start(address, "x", {metrics_, health_});
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, "listen");
    EXPECT_THAT(second.error().detail, HasSubstr("cannot listen on " + address));
  }
}

TEST(HttpGetTest, NobodyListens) {
  Metrics metrics;
  Health health;
  std::uint16_t port = 0;
  {
    const auto server = HttpServer::Start("127.0.0.1:0", "x", {metrics, health});
    port = server.value()->port();
  }
  const auto reply = HttpGet("127.0.0.1", port, "/", 5s);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, "http");
  EXPECT_THAT(reply.error().detail, HasSubstr("Connection refused"));
  EXPECT_FALSE(HttpGet("not-an-address", 1, "/", 5s).ok());
}

}  // namespace
}  // namespace penstock::process
