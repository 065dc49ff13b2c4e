#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread.h"
#include "hammer.h"
#include "jetstream_test_base.h"

namespace penstock::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(Connect, NobodyThereIsUnavailableAndSaysWhere) {
  jetstream::NatsOptions options;
  options.urls = {fmt::format("nats://me:secret@127.0.0.1:{}", FreePort())};
  const auto connected = jetstream::Connection::Connect(options);
  ASSERT_EQ(CodeOf(connected), "unavailable");
  EXPECT_EQ(connected.error().remedy, Remedy::kRetry);
  EXPECT_THAT(connected.error().detail, HasSubstr("cannot reach nats://127.0.0.1:"));
  EXPECT_THAT(connected.error().detail, ::testing::Not(HasSubstr("secret")));
}

TEST(Connect, WhatCannotBeRightIsRefused) {
  EXPECT_EQ(CodeOf(jetstream::Connection::Connect({})), "refused");
  jetstream::NatsOptions options;
  options.urls = {"nats://127.0.0.1:4222"};
  options.tls.enabled = true;
  options.tls.ca_file = "/nowhere/ca.pem";
  const auto connected = jetstream::Connection::Connect(options);
  ASSERT_EQ(CodeOf(connected), "refused");
  EXPECT_THAT(connected.error().detail, HasSubstr("/nowhere/ca.pem"));
}

// As ingestor and sink do when they start together.
TEST(Ensure, ProcessesThatMakeTheSameStreamsAtOnceAllHaveThem) {
  constexpr int kStreams = 60;
  constexpr int kProcesses = 4;
  const auto server = NatsServer::Start({});
  std::atomic<int> ensured = 0;
  std::atomic<int> waiting = kProcesses;
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < kProcesses; ++i) {
      processes.push_back(StartThread("ensure", [&](std::stop_token) {
        const auto connection = MustConnect(OptionsFor(*server));
        for (--waiting; waiting > 0;) std::this_thread::yield();
        for (int stream = 0; stream < kStreams; ++stream) {
          const auto made = connection->streams().Ensure(StreamNamed(fmt::format("S{}", stream)));
          EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().detail);
          if (made.ok()) ++ensured;
        }
      }));
    }
  }
  EXPECT_EQ(ensured, kStreams * kProcesses);
}

TEST(Ensure, SubjectsOfAnotherStreamAreRefusedWithTheServersWords) {
  const auto server = NatsServer::Start({});
  const auto connection = MustConnect(OptionsFor(*server));
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  io::StreamConfig other = StreamNamed("T");
  other.subjects = {"S"};
  const auto refused = connection->streams().Ensure(other);
  ASSERT_EQ(CodeOf(refused), "refused");
  EXPECT_THAT(refused.error().detail, HasSubstr("overlap"));
}

TEST(Connect, WrongPasswordIsRefusedAndARightOneServesLater) {
  const std::string right = "authorization { user: me, password: right }";
  const auto server = NatsServer::Start({.config = right});
  auto options = OptionsFor(*server);
  options.user = "me";
  options.password = "wrong";
  const auto refused = jetstream::Connection::Connect(options);
  ASSERT_EQ(CodeOf(refused), "refused");
  EXPECT_EQ(refused.error().remedy, Remedy::kStop);
  EXPECT_THAT(refused.error().detail, HasSubstr("check user and password"));

  options.password = "right";
  const auto connection = MustConnect(options);
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  // Somebody changes the password and changes it back: the C library gives up at the second
  // refusal, the connection does not.
  server->Stop();
  server->Change({.config = "authorization { user: me, password: other }"});
  server->Restart();
  EXPECT_TRUE(Eventually([&] {
    return connection->State().last_error.find("uthorization") != std::string::npos;
  })) << connection->State().last_error;
  EXPECT_FALSE(connection->State().connected);
  EXPECT_EQ(CodeOf(connection->streams().State("S")), "unavailable");
  server->Stop();
  server->Change({.config = right});
  server->Restart();
  EXPECT_TRUE(Eventually([&] { return connection->State().connected; }));
  EXPECT_TRUE(Eventually([&] { return connection->streams().State("S").ok(); }));
}

TEST(Connect, MissingPermissionIsRefused) {
  const auto server = NatsServer::Start(
      {.config = "authorization { users: [ { user: me, password: x, permissions: { publish: { "
                 "deny: [\"forbidden.>\"] } } } ] }"});
  auto options = OptionsFor(*server);
  options.user = "me";
  options.password = "x";
  const auto connection = MustConnect(options);
  const auto refused =
      connection->publisher().PublishAndWait({"forbidden.x", "data", {}, {}}, kPatience);
  ASSERT_EQ(CodeOf(refused), "refused") << refused.error().detail;
  EXPECT_THAT(refused.error().detail, HasSubstr("forbidden.x"));
}

TEST(Ensure, SaysWithNumbersThatThereIsNoRoom) {
  const auto server = NatsServer::Start({.jetstream_config = "max_file_store: 1048576"});
  const auto connection = MustConnect(OptionsFor(*server));
  auto config = StreamNamed("S");
  config.max_bytes = std::uint64_t{10} << 20;
  const auto refused = connection->streams().Ensure(config);
  ASSERT_EQ(CodeOf(refused), "no_room");
  EXPECT_EQ(refused.error().remedy, Remedy::kStop);
  EXPECT_THAT(refused.error().detail, HasSubstr("10MiB"));
  config.max_bytes = 1 << 19;
  EXPECT_EQ(CodeOf(connection->streams().Ensure(config)), "ok");
}

TEST(Ensure, RefusesAStreamThatWouldForget) {
  const auto server = NatsServer::Start();
  const auto connection = MustConnect(OptionsFor(*server));
  auto config = StreamNamed("S");
  config.memory_storage = true;
  ASSERT_TRUE(MustEnsure(connection->streams(), config));
  config.memory_storage = false;
  const auto refused = connection->streams().Ensure(config);
  ASSERT_EQ(CodeOf(refused), "refused");
  EXPECT_THAT(refused.error().detail, HasSubstr("memory"));
}

TEST(Publish, WhatIsNoSubjectIsRefusedAndBreaksNothing) {
  const auto server = NatsServer::Start();
  const auto connection = MustConnect(OptionsFor(*server));
  for (const char* subject : {"", "a b", "a\r\nPING\r\n"}) {
    EXPECT_EQ(CodeOf(connection->publisher().PublishAndWait({subject, "x", {}, {}}, kPatience)),
              "refused");
  }
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  EXPECT_EQ(connection->State().reconnects, 0U);
}

TEST(JetStream, MissingIsSaid) {
  const auto server = NatsServer::Start({.jetstream_config = "enabled: false"});
  const auto connection = MustConnect(OptionsFor(*server));
  const auto ensured = connection->streams().Ensure(StreamNamed("S"));
  ASSERT_FALSE(ensured.ok());
  EXPECT_THAT(ensured.error().detail, HasSubstr("not enabled"));
}

TEST(MaxPayload, FollowsTheServer) {
  const auto server = NatsServer::Start({.max_payload = 1 << 20});
  const auto connection = MustConnect(OptionsFor(*server));
  EXPECT_EQ(connection->publisher().MaxPayload(), std::size_t{1} << 20);
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  // Headers count: the server would end the connection.
  const std::string most(std::size_t{1} << 20, 'x');
  EXPECT_EQ(CodeOf(connection->publisher().PublishAndWait({"S", most, {}, "id"}, kPatience)),
            "too_large");
  EXPECT_EQ(connection->State().reconnects, 0U);
  server->Stop();
  server->Change({.max_payload = 2 << 20});
  server->Restart();
  EXPECT_TRUE(Eventually([&] { return connection->publisher().MaxPayload() == 2 << 20; }));
}

TEST(ServerDies, EveryAcknowledgedMessageIsReadOnceAndInOrder) {
  const auto server = NatsServer::Start();
  const auto connection = MustConnect(OptionsFor(*server));
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  Follower follower(connection->streams(), "S");
  Hammer hammer(connection->publisher(), "S", 4);
  for (int round = 0; round < 4; ++round) {
    ASSERT_TRUE(hammer.WaitForMore(50));
    round % 2 == 0 ? server->Kill9() : server->Stop();
    server->Restart();
  }
  ASSERT_TRUE(hammer.WaitForMore(50));
  const auto acked = hammer.Finish();
  ASSERT_TRUE(follower.WaitFor(acked.rbegin()->first));
  ExpectContains(follower.Finish(), acked);
  EXPECT_EQ(connection->State().reconnects, 4U);
}

TEST(ServerDies, CallsFailAtOnceWhileItIsAway) {
  const auto server = NatsServer::Start();
  const auto connection = MustConnect(OptionsFor(*server));
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  server->Kill9();
  ASSERT_TRUE(Eventually([&] { return !connection->State().connected; }));
  const Clock::Time began = SystemClock().Now();
  const auto refused = connection->publisher().PublishAndWait({"S", "x", {}, {}}, kPatience);
  EXPECT_EQ(CodeOf(refused), "unavailable");
  EXPECT_THAT(refused.error().detail, HasSubstr(server->url()));
  EXPECT_EQ(CodeOf(connection->streams().State("S")), "unavailable");
  EXPECT_LT(SystemClock().Now() - began, milliseconds(500));

  // A reader waits, but not when it is told to stop.
  auto reader = connection->streams().ReadFrom("S", StreamSeq(1));
  const auto quiet = reader->Read(1'000, In(milliseconds(50)), {});
  ASSERT_TRUE(quiet.ok());
  EXPECT_TRUE(quiet.value().empty());
  std::stop_source stop;
  auto reading = StartThread("reader", [&](std::stop_token) {
    EXPECT_TRUE(reader->Read(1'000, In(kPatience), stop.get_token()).ok());
  });
  stop.request_stop();
  const Clock::Time asked = SystemClock().Now();
  reading.join();
  EXPECT_LT(SystemClock().Now() - asked, milliseconds(500));
  server->Restart();
  EXPECT_TRUE(Eventually([&] { return connection->streams().State("S").ok(); }));
}

TEST(ServerDies, NothingIsSentAfterItWasReportedAsFailed) {
  const auto server = NatsServer::Start();
  const auto connection = MustConnect(OptionsFor(*server));
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  server->Kill9();
  ASSERT_TRUE(Eventually([&] { return !connection->State().connected; }));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(CodeOf(connection->publisher().PublishAndWait({"S", "late", {}, {}}, seconds(1))),
              "unavailable");
  }
  server->Restart();
  ASSERT_TRUE(Eventually([&] {
    return connection->publisher().PublishAndWait({"S", "first", {}, {}}, seconds(1)).ok();
  }));
  EXPECT_EQ(connection->streams().Get("S", StreamSeq(1)).value()->data, "first");
  EXPECT_EQ(connection->streams().State("S").value().messages, 1U);
}

TEST(ServerHangs, PublishEndsAtItsDeadline) {
  const auto server = NatsServer::Start();
  const auto connection = MustConnect(OptionsFor(*server));
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  server->Freeze();
  for (const milliseconds timeout : {milliseconds(300), milliseconds(100), milliseconds(200)}) {
    const Clock::Time began = SystemClock().Now();
    const auto ended = connection->publisher().PublishAndWait({"S", "x", {}, {}}, timeout);
    EXPECT_EQ(CodeOf(ended), "unavailable");
    EXPECT_GE(SystemClock().Now() - began, timeout);
    EXPECT_LT(SystemClock().Now() - began, timeout + milliseconds(500));
  }
  server->Thaw();
  EXPECT_TRUE(connection->publisher().PublishAndWait({"S", "y", {}, {}}, kPatience).ok());
}

TEST(ServerHangs, PublishesEndAndNoMessageIsTorn) {
  const auto server = NatsServer::Start();
  const auto connection = MustConnect(OptionsFor(*server));
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  server->Freeze();
  // More than the socket takes: the write itself has to be given up, in the middle of a message.
  const std::string large(std::size_t{7} << 20, 'l');
  std::atomic<int> completions{0};
  const Clock::Time began = SystemClock().Now();
  std::vector<std::jthread> publishers;
  for (int i = 0; i < 3; ++i) {
    publishers.push_back(StartThread("publisher", [&](std::stop_token) {
      connection->publisher().Publish({"S", large, {}, {}}, seconds(1),
                                      [&](Result<io::PublishAck> ack) {
                                        EXPECT_EQ(CodeOf(ack), "unavailable");
                                        ++completions;
                                      });
    }));
  }
  publishers.clear();
  EXPECT_TRUE(Eventually([&] { return completions == 3; }));
  EXPECT_LT(SystemClock().Now() - began, seconds(10));
  server->Thaw();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Eventually([&] {
      return connection->publisher().PublishAndWait({"S", "small", {}, {}}, seconds(1)).ok();
    }));
  }
  auto reader = connection->streams().ReadFrom("S", StreamSeq(1));
  const StreamSeq last = connection->streams().State("S").value().last;
  for (StreamSeq at{0}; at < last;) {
    const auto read = reader->Read(1 << 20, In(kPatience), {});
    ASSERT_TRUE(read.ok());
    for (const auto& message : read.value()) {
      EXPECT_TRUE(message.data == "small" || message.data == large) << message.data.size();
      at = message.seq;
    }
  }
}

TEST(IdleReaders, CostNearlyNothing) {
  const auto server = NatsServer::Start();
  const auto connection = MustConnect(OptionsFor(*server));
  ASSERT_TRUE(MustEnsure(connection->streams(), StreamNamed("S")));
  std::vector<std::jthread> readers;
  std::atomic<int> reading{0};
  for (int i = 0; i < 12; ++i) {
    readers.push_back(StartThread("reader", [&](std::stop_token stop) {
      auto reader = connection->streams().ReadFrom("S", StreamSeq(1));
      while (!stop.stop_requested()) {
        EXPECT_TRUE(reader->Read(1 << 20, In(milliseconds(500)), stop).ok());
        ++reading;
      }
    }));
  }
  ASSERT_TRUE(Eventually([&] { return reading >= 12; }));
  const std::clock_t before = std::clock();
  WaitUntil(In(seconds(3)), {});
  const double seconds_used = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds_used, 0.03) << "of CPU in 3 s";
}

}  // namespace
}  // namespace penstock::testing
