#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/format.h"
#include "jetstream/bus.h"
#include "jetstream/stream_reader.h"
#include "jetstream_test_base.h"

namespace penstock::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A second way to the server, for what happens behind a client's back.
class Backdoor {
 public:
  explicit Backdoor(const NatsServer& server) {
    auto connected = jetstream::Bus::Connect(OptionsFor(server), SystemClock());
    PENSTOCK_CHECK(connected.ok(), connected.error().detail);
    bus_ = std::move(connected).value();
  }
  void DeleteConsumersOf(const std::string& stream) {
    const auto names = bus_->CallApi("CONSUMER.NAMES." + stream, "");
    ASSERT_TRUE(names.ok());
    for (const std::string& name : names.value().List("consumers")) {
      ASSERT_TRUE(bus_->CallApi(fmt::format("CONSUMER.DELETE.{}.{}", stream, name), "").ok());
    }
  }
  std::size_t ConsumersOf(const std::string& stream) {
    return bus_->CallApi("CONSUMER.NAMES." + stream, "").value().List("consumers").size();
  }
  void DeleteStream(const std::string& stream) {
    ASSERT_TRUE(bus_->CallApi("STREAM.DELETE." + stream, "").ok());
  }

 private:
  std::unique_ptr<jetstream::Bus> bus_;
};

class Recovery : public ::testing::Test {
 protected:
  void Publish(const std::string& data) {
    const auto ack = connection_->publisher().PublishAndWait({"S", data, {}, {}}, kPatience);
    ASSERT_TRUE(ack.ok()) << ack.error().detail;
  }
  std::vector<std::string> Read(io::StreamReader& reader, std::size_t count) {
    std::vector<std::string> datas;
    const Clock::Time deadline = In(kPatience);
    while (datas.size() < count && SystemClock().Now() < deadline) {
      const auto read = reader.Read(1 << 20, deadline, {});
      EXPECT_TRUE(read.ok()) << read.error().detail;
      if (!read.ok()) break;
      for (const auto& message : read.value()) datas.push_back(message.data);
    }
    return datas;
  }
  std::unique_ptr<io::KeyValue> Bucket() {
    auto opened = connection_->OpenKeyValue("b", 3);
    PENSTOCK_CHECK(opened.ok(), opened.error().detail);
    return std::move(opened).value();
  }

  std::unique_ptr<NatsServer> server_ = NatsServer::Start();
  std::unique_ptr<jetstream::Connection> connection_ = MustConnect(OptionsFor(*server_));
};

TEST_F(Recovery, ReaderWhoseConsumerIsDeletedGoesOn) {
  ASSERT_TRUE(MustEnsure(connection_->streams(), StreamNamed("S")));
  Backdoor backdoor(*server_);
  auto reader = connection_->streams().ReadFrom("S", StreamSeq(1));
  for (int i = 0; i < 5; ++i) {
    Publish(fmt::format("{}-a", i));
    ASSERT_EQ(Read(*reader, 1), std::vector<std::string>{fmt::format("{}-a", i)});
    backdoor.DeleteConsumersOf("S");
    Publish(fmt::format("{}-b", i));
    ASSERT_EQ(Read(*reader, 1), std::vector<std::string>{fmt::format("{}-b", i)});
  }
  reader.reset();
  EXPECT_TRUE(Eventually([&] { return backdoor.ConsumersOf("S") == 0; }))
      << "a reader takes its consumer along";
}

TEST_F(Recovery, ReaderGoesOnWhenNothingWasReadForLong) {
  ASSERT_TRUE(MustEnsure(connection_->streams(), StreamNamed("S")));
  auto reader = connection_->streams().ReadFrom("S", StreamSeq(1));
  Publish("1");
  ASSERT_EQ(Read(*reader, 1), std::vector<std::string>{"1"});
  // Longer than the reader tolerates silence, with everything that the server said in between.
  WaitUntil(In(seconds(5)), {});
  Publish("2");
  ASSERT_EQ(Read(*reader, 1), std::vector<std::string>{"2"});
}

TEST_F(Recovery, WatchTellsWhatChangedWhileTheServerWasAway) {
  const auto bucket = Bucket();
  const auto revision = bucket->Create("sink.0", "before");
  ASSERT_TRUE(revision.ok());
  ChangeLog log;
  const auto watch = bucket->WatchPrefix("sink.", log.Callback());
  ASSERT_TRUE(log.WaitFor("sink.0", "before"));
  for (int round = 0; round < 3; ++round) {
    round == 1 ? server_->Stop() : server_->Kill9();
    server_->Restart();
    // Another client is faster than the watch.
    const auto other = MustConnect(OptionsFor(*server_));
    const auto theirs = std::move(other->OpenKeyValue("b", 1)).value();
    const std::string value = fmt::format("round {}", round);
    const auto entry = theirs->Get("sink.0");
    ASSERT_TRUE(theirs->Update("sink.0", value, entry.value()->revision).ok());
    EXPECT_TRUE(log.WaitFor("sink.0", value));
  }
  EXPECT_TRUE(Eventually([&] { return bucket->Remove("sink.0").ok(); }));
  EXPECT_TRUE(log.WaitFor("sink.0", std::nullopt));
}

TEST_F(Recovery, WatchOfABucketThatIsLostAndMadeAnew) {
  auto bucket = Bucket();
  ASSERT_TRUE(bucket->Create("sink.0", "kept").ok());
  ASSERT_TRUE(bucket->Create("sink.1", "lost").ok());
  ChangeLog log;
  const auto watch = bucket->WatchPrefix("sink.", log.Callback());
  ASSERT_TRUE(log.WaitFor("sink.1", "lost"));
  Backdoor(*server_).DeleteStream("KV_b");
  EXPECT_EQ(CodeOf(bucket->Get("sink.0")), "not_found");
  const auto anew = Bucket();
  ASSERT_TRUE(anew->Create("sink.0", "new").ok());
  EXPECT_TRUE(log.WaitFor("sink.0", "new"));
  EXPECT_TRUE(log.WaitFor("sink.1", std::nullopt));
}

// A server alone takes an update to three copies, and then loses the stream at its next start.
TEST_F(Recovery, WhatIsOpenedAgainWithMoreCopiesOutlivesARestart) {
  Bucket();
  ASSERT_TRUE(Bucket()->Create("sink.0", "kept").ok());
  io::StreamConfig config = StreamNamed("S");
  ASSERT_TRUE(connection_->streams().Ensure(config).ok());
  config.replicas = 3;
  ASSERT_TRUE(connection_->streams().Ensure(config).ok());
  Publish("kept");
  server_->Stop();
  server_->Restart();
  ASSERT_TRUE(Eventually([&] { return connection_->streams().State("S").ok(); }));
  EXPECT_EQ(connection_->streams().State("S").value().messages, 1U);
  const auto kept = Bucket()->Get("sink.0");
  ASSERT_TRUE(kept.ok()) << kept.error().detail;
  ASSERT_TRUE(kept.value().has_value());
  EXPECT_EQ(kept.value()->value, "kept");
}

TEST_F(Recovery, EndingAWatchWaitsForItsCallback) {
  const auto bucket = Bucket();
  ASSERT_TRUE(bucket->Create("k", "v").ok());
  std::atomic<bool> running{false};
  std::atomic<bool> over{false};
  auto watch = std::move(bucket->WatchPrefix("k", [&](const auto&, const auto&) {
                 running = true;
                 WaitUntil(In(milliseconds(100)), {});
                 over = true;
               })).value();
  ASSERT_TRUE(Eventually([&] { return running.load(); }));
  watch.reset();
  EXPECT_TRUE(over);
}

TEST_F(Recovery, ManyReadersShareAConnection) {
  constexpr int kReaders = 64;
  constexpr int kMessages = 20;
  std::vector<std::unique_ptr<io::StreamReader>> readers;
  for (int i = 0; i < kReaders; ++i) {
    ASSERT_TRUE(MustEnsure(connection_->streams(), StreamNamed(fmt::format("S{}", i))));
    readers.push_back(connection_->streams().ReadFrom(fmt::format("S{}", i), StreamSeq(1)));
  }
  std::vector<std::jthread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&, i] {
      const auto datas = Read(*readers[static_cast<std::size_t>(i)], kMessages);
      if (datas == std::vector<std::string>(kMessages, fmt::format("{}", i))) ++good;
    });
  }
  for (int m = 0; m < kMessages; ++m) {
    for (int i = 0; i < kReaders; ++i) {
      ASSERT_TRUE(
          connection_->publisher()
              .PublishAndWait({fmt::format("S{}", i), fmt::format("{}", i), {}, {}}, kPatience)
              .ok());
    }
  }
  threads.clear();
  EXPECT_EQ(good, kReaders);
}

TEST_F(Recovery, CallbacksOfAConnectionThatEndsComeOnce) {
  ASSERT_TRUE(MustEnsure(connection_->streams(), StreamNamed("S")));
  server_->Freeze();
  std::atomic<int> completions{0};
  for (int i = 0; i < 10; ++i) {
    connection_->publisher().Publish({"S", "x", {}, {}}, kPatience,
                                     [&](Result<io::PublishAck> ack) {
                                       EXPECT_EQ(CodeOf(ack), "unavailable");
                                       ++completions;
                                     });
  }
  connection_.reset();
  EXPECT_EQ(completions, 10);
}

}  // namespace
}  // namespace penstock::testing
