#include "clickhouse/client.h"

#include <atomic>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/format.h"
#include "http_stub.h"

namespace penstock::clickhouse {
namespace {

constexpr std::string_view kGood =
    "X-ClickHouse-Summary: {\"read_rows\":\"5\",\"written_rows\":\"3\"}\r\n";

ClickHouseConnection ConnectionTo(std::vector<std::uint16_t> ports) {
  ClickHouseConnection connection;
  for (const std::uint16_t port : ports)
    connection.hosts.push_back(fmt::format("127.0.0.1:{}", port));
  connection.database = "d`b";
  connection.username = "pipe";
  connection.password = "sec ret";
  connection.connect_timeout = std::chrono::seconds(5);
  connection.insert_timeout = std::chrono::seconds(20);
  return connection;
}

InsertOutcome InsertOne(Client& client, std::stop_token stop = {},
                        const std::map<std::string, std::string>* settings = nullptr) {
  EncodedBlock block;
  block.body = "NATIVE";
  block.rows = 3;
  block.codec = BodyCodec::kLz4;
  const std::vector<std::string> columns = {"a", "b c"};
  return client.Insert({.table = "t",
                        .columns = columns,
                        .block = &block,
                        .token = "p/3/x&y",
                        .query_id = "q1",
                        .log_comment = "{\"shard\":3}",
                        .settings = settings},
                       std::move(stop));
}

InsertOutcome OutcomeOf(const std::string& answer) {
  HttpStub stub([&](const HttpStub::Request&) { return answer; });
  Client client(ConnectionTo({stub.port()}));
  return InsertOne(client);
}

TEST(ClientTest, SaysEverythingThatDeliveryNeeds) {
  HttpStub::Request seen;
  HttpStub stub([&](const HttpStub::Request& request) {
    seen = request;
    return HttpText(200, kGood, "");
  });
  Client client(ConnectionTo({stub.port()}));
  // What delivery rests on cannot be overridden.
  const std::map<std::string, std::string> settings = {
      {"async_insert", "1"}, {"insert_deduplication_token", "mine"}, {"max_threads", "2"}};
  const InsertOutcome outcome = InsertOne(client, {}, &settings);
  EXPECT_TRUE(outcome.ok) << outcome.message;
  EXPECT_TRUE(outcome.answered);
  EXPECT_EQ(outcome.written_rows, 3U);
  EXPECT_EQ(seen.body, "NATIVE");
  for (const std::string_view part :
       {"query=INSERT%20INTO%20%60d%5C%60b%60.%60t%60%20%28%60a%60%2C%20%60b%20c%60%29%20FORMAT%"
        "20Native",
        "async_insert=0", "insert_deduplicate=1", "wait_end_of_query=1",
        "insert_deduplication_token=p%2F3%2Fx%26y", "query_id=q1",
        "log_comment=%7B%22shard%22%3A3%7D", "max_threads=2", "\r\nX-ClickHouse-User: pipe\r\n",
        "\r\nX-ClickHouse-Key: sec ret\r\n", "\r\nContent-Encoding: lz4\r\n"}) {
    EXPECT_NE(seen.head.find(part), std::string::npos) << part << "\n" << seen.head;
  }
  EXPECT_EQ(seen.head.find("async_insert=1"), std::string::npos);
  EXPECT_EQ(seen.head.find("mine"), std::string::npos);
  InsertOne(client);
  EXPECT_EQ(stub.connections(), 1);  // Kept alive.
}

TEST(ClientTest, A200IsNotProof) {
  const std::string text =
      "Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)";
  InsertOutcome outcome =
      OutcomeOf(HttpText(200, std::string(kGood) + "X-ClickHouse-Exception-Code: 241\r\n", text));
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.code, 241);
  EXPECT_EQ(outcome.code_name, "MEMORY_LIMIT_EXCEEDED");
  EXPECT_TRUE(outcome.answered);
  outcome = OutcomeOf(HttpText(200, kGood, text));
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.code, 241);
  outcome = OutcomeOf(HttpText(200, kGood, "\r\n__exception__\r\nsomething\r\n"));
  EXPECT_FALSE(outcome.ok);
  // Something in between answers for the server.
  outcome = OutcomeOf(HttpText(200, "Server: nginx\r\n", "<html>Welcome</html>"));
  EXPECT_FALSE(outcome.ok);
  EXPECT_FALSE(outcome.answered);
  EXPECT_EQ(outcome.code_name, "HTTP");
}

TEST(ClientTest, ErrorsAreJudgedByTheirCode) {
  const InsertOutcome outcome = OutcomeOf(HttpText(
      500, "X-ClickHouse-Exception-Code: 469\r\n",
      "Code: 469. DB::Exception: Constraint `c` is violated (VIOLATED_CONSTRAINT) (version 26)"));
  EXPECT_EQ(outcome.error_class, ErrorClass::kData);
  EXPECT_EQ(outcome.http_status, 500);
  EXPECT_TRUE(outcome.answered);
  EXPECT_NE(outcome.message.find("Constraint `c` is violated"), std::string::npos);
  // The server itself does not know.
  EXPECT_FALSE(OutcomeOf(HttpText(500, "X-ClickHouse-Exception-Code: 319\r\n", "")).answered);
  EXPECT_FALSE(OutcomeOf(HttpText(502, "", "Bad Gateway")).answered);
  EXPECT_EQ(OutcomeOf(HttpText(502, "", "Bad Gateway")).error_class, ErrorClass::kTransient);
}

TEST(ClientTest, ACutConnectionIsUnknown) {
  const std::string cut =
      "HTTP/1.1 200 OK\r\nX-ClickHouse-Summary: {}\r\nContent-Length: 10\r\n\r\nabc";
  for (const std::string& answer : {std::string(), std::string("HTTP/1.1 200"), cut}) {
    std::atomic<int> requests{0};
    HttpStub stub([&](const HttpStub::Request&) {
      ++requests;
      return answer == cut ? std::string() : answer;
    });
    Client client(ConnectionTo({stub.port()}));
    const InsertOutcome outcome = InsertOne(client);
    EXPECT_FALSE(outcome.ok);
    EXPECT_FALSE(outcome.answered);
    EXPECT_TRUE(outcome.sent);
    EXPECT_EQ(outcome.error_class, ErrorClass::kTransient);
    EXPECT_EQ(outcome.code_name, "NETWORK");
    EXPECT_EQ(requests, 1);  // Repeating is the caller's.
  }
}

TEST(ClientTest, NobodyThereMeansNothingSent) {
  std::uint16_t port = 0;
  {
    const HttpStub stub([](const HttpStub::Request&) { return std::string(); });
    port = stub.port();
  }
  Client client(ConnectionTo({port}));
  const InsertOutcome outcome = InsertOne(client);
  EXPECT_FALSE(outcome.answered);
  EXPECT_FALSE(outcome.sent);
  EXPECT_EQ(outcome.code_name, "NETWORK");
  const auto query = client.Query("SELECT 1", {});
  ASSERT_FALSE(query.ok());
  EXPECT_EQ(query.error().remedy, Remedy::kRetry);
}

TEST(ClientTest, StopsPromptly) {
  std::stop_source stop;
  HttpStub stub([&](const HttpStub::Request&) {
    stop.request_stop();
    return HttpStub::kHang;
  });
  Client client(ConnectionTo({stub.port()}));
  const Clock::Time start = SystemClock().Now();
  const InsertOutcome outcome = InsertOne(client, stop.get_token());
  EXPECT_LT(SystemClock().Now() - start, std::chrono::milliseconds(900));
  EXPECT_EQ(outcome.code_name, "STOPPED");
  EXPECT_FALSE(outcome.answered);
  EXPECT_TRUE(outcome.sent);
  EXPECT_FALSE(InsertOne(client, stop.get_token()).sent);
}

TEST(ClientTest, GivesUpAtTheDeadline) {
  HttpStub stub([](const HttpStub::Request&) { return HttpStub::kHang; });
  ClickHouseConnection connection = ConnectionTo({stub.port()});
  connection.insert_timeout = std::chrono::milliseconds(100);
  Client client(connection);
  const InsertOutcome outcome = InsertOne(client);
  EXPECT_EQ(outcome.code_name, "NETWORK");
  EXPECT_FALSE(outcome.answered);
}

TEST(ClientTest, TheNextAttemptGoesToTheNextHost) {
  std::uint16_t dead = 0;
  {
    const HttpStub stub([](const HttpStub::Request&) { return std::string(); });
    dead = stub.port();
  }
  HttpStub alive([](const HttpStub::Request&) { return HttpText(200, kGood, ""); });
  Client client(ConnectionTo({dead, alive.port()}));
  int good = 0;
  for (int i = 0; i < 4; ++i) good += InsertOne(client).ok ? 1 : 0;
  EXPECT_GE(good, 3);  // Once away from the dead one, it stays with the living.
}

// A host that takes connections and never answers gets no block: the probe before it costs the
// connect timeout, and the block goes to the next host in the same call.
TEST(ClientTest, AHostThatHangsGetsNoBlock) {
  HttpStub hanging([](const HttpStub::Request&) { return HttpStub::kHang; });
  std::atomic<int> probes{0};
  std::atomic<int> inserts{0};
  HttpStub alive([&](const HttpStub::Request& request) {
    ++(request.body == "SELECT 1" ? probes : inserts);
    return HttpText(200, kGood, "");
  });
  ClickHouseConnection connection = ConnectionTo({hanging.port(), alive.port()});
  connection.connect_timeout = std::chrono::milliseconds(150);
  Hosts hosts(connection.hosts);
  const Clock::Time start = SystemClock().Now();
  for (int i = 0; i < 3; ++i) {
    Client client(connection, hosts);
    EXPECT_TRUE(InsertOne(client).ok);
  }
  EXPECT_LT(SystemClock().Now() - start, std::chrono::seconds(5)) << "not the insert's timeout";
  EXPECT_EQ(inserts, 3);
  EXPECT_EQ(probes, 1) << "who has just answered is not asked again";
  EXPECT_EQ(hosts.well(), 1U);
}

// A server that is there and refuses is the table's matter, and another host would say the same.
TEST(ClientTest, ARefusalThatSaysToTryElsewhereLeadsToTheNextHost) {
  std::atomic<int> asked{0};
  HttpStub readonly([&](const HttpStub::Request& request) {
    if (request.body == "SELECT 1") return HttpText(200, kGood, "1");
    ++asked;
    return HttpText(500, "X-ClickHouse-Exception-Code: 242\r\n",
                    "Code: 242. DB::Exception: Table is in readonly mode");
  });
  HttpStub alive([](const HttpStub::Request&) { return HttpText(200, kGood, ""); });
  Client client(ConnectionTo({readonly.port(), alive.port()}));
  int good = 0;
  for (int i = 0; i < 5; ++i) good += InsertOne(client).ok ? 1 : 0;
  EXPECT_GE(good, 4);
  EXPECT_LE(asked, 1);
}

TEST(ClientTest, CredentialsThatNoHeaderCarriesAreSaid) {
  ClickHouseConnection connection = ConnectionTo({1});
  connection.password = "a\r\nX-Evil: 1";
  Client client(connection);
  const InsertOutcome outcome = InsertOne(client);
  EXPECT_FALSE(outcome.sent);
  EXPECT_EQ(outcome.error_class, ErrorClass::kAccess);
  EXPECT_NE(outcome.message.find("line break"), std::string::npos);
}

TEST(ClientTest, CompressesWhereThereIsAWire) {
  ClickHouseConnection connection;
  connection.hosts = {"localhost:8123", "127.0.0.1", "[::1]:8123", "::1"};
  EXPECT_EQ(CodecFor(connection), BodyCodec::kNone);
  connection.hosts.push_back("clickhouse-0.clickhouse");
  EXPECT_EQ(CodecFor(connection), BodyCodec::kLz4);
}

}  // namespace
}  // namespace penstock::clickhouse
