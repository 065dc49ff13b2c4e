#include "chaos/stream_gate.h"

#include <chrono>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/thread.h"

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

/// Sends back what it gets, on every connection.
class EchoServer {
 public:
  EchoServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    thread_ = StartThread("echo", [this](const std::stop_token&) { Run(); });
  }
  ~EchoServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }

  std::uint16_t port = 0;

 private:
  void Run() {
    std::vector<std::jthread> connections;
    for (int peer = 0; (peer = accept(listener_, nullptr, nullptr)) >= 0;) {
      connections.emplace_back([peer] {
        char bytes[4096];
        for (ssize_t got = 0; (got = recv(peer, bytes, sizeof(bytes), 0)) > 0;) {
          send(peer, bytes, static_cast<std::size_t>(got), MSG_NOSIGNAL);
        }
        close(peer);
      });
    }
  }

  int listener_;
  std::jthread thread_;
};

/// A client that waits for an answer a given time at most.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Client() { close(socket_); }

  void Say(std::string_view text) { send(socket_, text.data(), text.size(), MSG_NOSIGNAL); }
  /// What comes; "silence" or "broken".
  std::string Hear(std::chrono::milliseconds patience = 5s) {
    const timeval most{.tv_sec = patience / 1s, .tv_usec = patience % 1s / 1us};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
    char bytes[4096];
    const ssize_t got = recv(socket_, bytes, sizeof(bytes), 0);
    if (got > 0) return {bytes, static_cast<std::size_t>(got)};
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? "silence" : "broken";
  }
  std::string Ask(std::string_view text, std::chrono::milliseconds patience = 5s) {
    Say(text);
    return Hear(patience);
  }

 private:
  int socket_;
};

class StreamGateTest : public ::testing::Test {
 protected:
  EchoServer server_;
  StreamGate gate_{server_.port};
};

TEST_F(StreamGateTest, WhatGoesInComesOutAlsoWhenItIsALot) {
  Client client(gate_.port());
  EXPECT_EQ(client.Ask("hello"), "hello");
  const std::string much(3 << 20, 'x');
  std::jthread sending([&] { client.Say(much); });
  std::size_t got = 0;
  while (got < much.size()) {
    const std::string part = client.Hear();
    ASSERT_EQ(part.find_first_not_of('x'), part.npos) << part;
    got += part.size();
  }
  EXPECT_EQ(got, much.size());
}

TEST_F(StreamGateTest, ADelayHoldsEveryByteBothWays) {
  Client client(gate_.port());
  EXPECT_EQ(client.Ask("a"), "a");
  gate_.Set(StreamGate::Mode::kDelay, 50ms);
  const Clock::Time start = SystemClock().Now();
  EXPECT_EQ(client.Ask("b"), "b");
  EXPECT_GE(SystemClock().Now() - start, 100ms);
}

TEST_F(StreamGateTest, ACutBreaksWhatIsOpenAndWhatComesUntilItEnds) {
  Client client(gate_.port());
  EXPECT_EQ(client.Ask("a"), "a");
  gate_.Set(StreamGate::Mode::kCut);
  EXPECT_EQ(client.Hear(), "broken");
  EXPECT_EQ(Client(gate_.port()).Ask("b"), "broken");
  gate_.Set(StreamGate::Mode::kOpen);
  EXPECT_EQ(Client(gate_.port()).Ask("c"), "c");
}

TEST_F(StreamGateTest, ABlackHoleIsSilentAndThenAllGoesOn) {
  Client client(gate_.port());
  EXPECT_EQ(client.Ask("a"), "a");
  gate_.Set(StreamGate::Mode::kBlackHole);
  EXPECT_EQ(client.Ask("b", 50ms), "silence");
  Client late(gate_.port());
  EXPECT_EQ(late.Ask("c", 50ms), "silence");
  gate_.Set(StreamGate::Mode::kOpen);
  EXPECT_EQ(client.Hear(), "b");
  EXPECT_EQ(late.Hear(), "c");
}

TEST_F(StreamGateTest, HalfOpenIsSilentForTheOldAndOpenForTheNew) {
  Client client(gate_.port());
  EXPECT_EQ(client.Ask("a"), "a");
  gate_.Set(StreamGate::Mode::kHalfOpen);
  EXPECT_EQ(client.Ask("b", 50ms), "silence");
  EXPECT_EQ(Client(gate_.port()).Ask("c"), "c");
  gate_.Set(StreamGate::Mode::kOpen);
  EXPECT_EQ(client.Hear(), "broken");
}

TEST_F(StreamGateTest, ACutAnswerIsHeardByNobody) {
  gate_.Set(StreamGate::Mode::kCutAnswers);
  Client client(gate_.port());
  EXPECT_EQ(client.Ask("a"), "broken");
}

}  // namespace
}  // namespace penstock::testing
