#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/thread.h"
#include "io/key_value.h"
#include "io/stream.h"
#include "support/patience.h"

/// What every implementation of io/stream.h and io/key_value.h must do. A World gives the
/// implementation under test:
///
///   struct World {
///     io::Publisher& publisher();
///     io::Streams& streams();
///     std::unique_ptr<io::KeyValue> OpenBucket(const std::string& name);
///   };
///   INSTANTIATE_TYPED_TEST_SUITE_P(Fake, StreamConformance, World);
namespace penstock::testing {

template <typename World>
class StreamConformance : public ::testing::Test {
 protected:
  io::StreamConfig Config(std::uint64_t max_bytes = 0) {
    io::StreamConfig config;
    config.name = fmt::format("CONF-{}", ++Counter());
    config.subjects = {fmt::format("conf.{}.*", Counter().load())};
    config.max_bytes = max_bytes;
    return config;
  }
  io::StreamConfig Made(std::uint64_t max_bytes = 0) {
    io::StreamConfig config = Config(max_bytes);
    const auto state = world_.streams().Ensure(config);
    EXPECT_TRUE(state.ok()) << state.error().detail;
    return config;
  }
  static std::string Subject(const io::StreamConfig& config, char last_token = 'a') {
    std::string subject = config.subjects[0];
    subject.back() = last_token;
    return subject;
  }

  Result<io::PublishAck> Publish(const io::StreamConfig& config, std::string_view data,
                                 std::optional<StreamSeq> expected_last = {},
                                 const std::string& id = {}) {
    return world_.publisher().PublishAndWait({Subject(config), data, expected_last, id}, kPatience);
  }
  /// On the stream's subject that ends in `last_token`, where its last sequence must be `expected`.
  Result<io::PublishAck> PublishOn(const io::StreamConfig& config, char last_token,
                                   StreamSeq expected, std::string_view data = "x",
                                   const std::string& id = {}) {
    return world_.publisher().PublishAndWait({.subject = Subject(config, last_token),
                                              .data = data,
                                              .expected_last = {},
                                              .message_id = id,
                                              .expected_last_on_subject = expected},
                                             kPatience);
  }
  void MustPublish(const io::StreamConfig& config, std::string_view data) {
    const auto ack = Publish(config, data);
    ASSERT_TRUE(ack.ok()) << ack.error().detail;
  }
  io::StreamState State(const io::StreamConfig& config) {
    const auto state = world_.streams().State(config.name);
    EXPECT_TRUE(state.ok()) << state.error().detail;
    return state.ok() ? state.value() : io::StreamState();
  }
  /// Reads until `count` messages came or patience is over.
  static std::vector<io::StreamMessage> ReadMany(io::StreamReader& reader, std::size_t count,
                                                 std::size_t max_bytes = 1 << 20) {
    std::vector<io::StreamMessage> all;
    const Clock::Time deadline = In(kPatience);
    while (all.size() < count && SystemClock().Now() < deadline) {
      auto read = reader.Read(max_bytes, deadline, {});
      EXPECT_TRUE(read.ok()) << read.error().detail;
      if (!read.ok()) break;
      for (auto& message : std::move(read).value()) all.push_back(std::move(message));
    }
    return all;
  }
  static std::vector<std::string> Datas(const std::vector<io::StreamMessage>& messages) {
    std::vector<std::string> datas;
    for (const auto& message : messages) datas.push_back(message.data);
    return datas;
  }
  std::unique_ptr<io::KeyValue> Bucket() {
    return world_.OpenBucket(fmt::format("conf-{}", ++Counter()));
  }
  static std::atomic<int>& Counter() {
    static std::atomic<int> counter{0};
    return counter;
  }

  World world_;
};
TYPED_TEST_SUITE_P(StreamConformance);

TYPED_TEST_P(StreamConformance, PublishedMessagesAreReadBackInOrder) {
  const auto config = this->Made();
  std::vector<std::string> sent = {"", "one", std::string(300'000, 'x'),
                                   std::string("\0\n\xff", 3)};
  for (const std::string& data : sent) this->MustPublish(config, data);

  auto reader = this->world_.streams().ReadFrom(config.name, StreamSeq(1));
  const auto read = this->ReadMany(*reader, sent.size());

  EXPECT_EQ(this->Datas(read), sent);
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].seq, StreamSeq(i + 1));
    EXPECT_EQ(read[i].subject, this->Subject(config));
  }
}

TYPED_TEST_P(StreamConformance, EveryPublishHasOneCompletionAndItsOwnSequence) {
  const auto config = this->Made();
  constexpr std::size_t kMessages = 500;
  std::mutex mutex;
  std::condition_variable completed;
  std::vector<std::uint64_t> sequences;
  const std::string data(1'000, 'd');
  for (std::size_t i = 0; i < kMessages; ++i) {
    this->world_.publisher().Publish({this->Subject(config), data, {}, {}}, kPatience,
                                     [&](Result<io::PublishAck> ack) {
                                       std::lock_guard lock(mutex);
                                       sequences.push_back(ack.ok() ? ack.value().seq.rep() : 0);
                                       completed.notify_one();
                                     });
  }
  std::unique_lock lock(mutex);
  completed.wait_until(lock, In(kPatience), [&] { return sequences.size() >= kMessages; });
  std::sort(sequences.begin(), sequences.end());
  ASSERT_EQ(sequences.size(), kMessages);
  for (std::size_t i = 0; i < kMessages; ++i) EXPECT_EQ(sequences[i], i + 1);
}

TYPED_TEST_P(StreamConformance, ExpectedLastSequenceIsAFence) {
  const auto config = this->Made();
  EXPECT_EQ(CodeOf(this->Publish(config, "early", StreamSeq(3))), "sequence");
  ASSERT_EQ(CodeOf(this->Publish(config, "first", StreamSeq(0))), "ok");
  const auto late = this->Publish(config, "zombie", StreamSeq(0));
  ASSERT_EQ(CodeOf(late), "sequence");
  EXPECT_EQ(late.error().remedy, Remedy::kStop);
  ASSERT_EQ(CodeOf(this->Publish(config, "second", StreamSeq(1))), "ok");
  EXPECT_EQ(this->State(config).messages, 2U);

  // Empty again is not the same as never written.
  ASSERT_TRUE(this->world_.streams().Trim(config.name, StreamSeq(3)).ok());
  EXPECT_EQ(CodeOf(this->Publish(config, "as if new", StreamSeq(0))), "sequence");
  EXPECT_EQ(CodeOf(this->Publish(config, "third", StreamSeq(2))), "ok");
}

TYPED_TEST_P(StreamConformance, ExpectedLastSequenceOfASubjectIsAFence) {
  const auto config = this->Made();
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(1))), "sequence") << "nothing there";
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(0))), "ok");
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'b', StreamSeq(0))), "ok")
      << "other subjects do not matter";
  const auto zombie = this->PublishOn(config, 'a', StreamSeq(0));
  ASSERT_EQ(CodeOf(zombie), "sequence");
  EXPECT_EQ(zombie.error().remedy, Remedy::kStop);
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(2))), "sequence") << "that is b's";
  const auto second = this->PublishOn(config, 'a', StreamSeq(1));
  ASSERT_TRUE(second.ok()) << second.error().detail;
  EXPECT_EQ(second.value().seq, StreamSeq(3)) << "sequences are the stream's";
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'b', StreamSeq(2))), "ok");
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'b', StreamSeq(4))), "ok") << "also one after the other";
  EXPECT_EQ(this->State(config).messages, 5U);
}

// Not so of the whole stream, whose sequences go on: what counts is what is there.
TYPED_TEST_P(StreamConformance, ASubjectThatWasTrimmedIsLikeAnUntouchedOne) {
  auto& streams = this->world_.streams();
  const auto config = this->Made();
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(0))), "ok");
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'b', StreamSeq(0))), "ok");
  ASSERT_TRUE(streams.Trim(config.name, StreamSeq(2)).ok());
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(1))), "sequence");
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(0))), "ok");
  // Trimmed to its end.
  ASSERT_TRUE(streams.Trim(config.name, StreamSeq(4)).ok());
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'b', StreamSeq(2))), "sequence");
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'b', StreamSeq(0))), "ok");
  // One message taken out of the middle.
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(0))), "ok");
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'c', StreamSeq(0))), "ok");
  ASSERT_TRUE(streams.RemoveMessage(config.name, StreamSeq(5)).ok());
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(5))), "sequence");
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(0))), "ok");
}

TYPED_TEST_P(StreamConformance, ExpectationsOfASubjectGoWithMessageIds) {
  const auto config = this->Made();
  const auto first = this->PublishOn(config, 'a', StreamSeq(0), "x", "id-1");
  ASSERT_TRUE(first.ok()) << first.error().detail;
  const auto again = this->PublishOn(config, 'a', StreamSeq(0), "x", "id-1");
  ASSERT_TRUE(again.ok()) << "a repeat is known by its id: " << again.error().detail;
  EXPECT_TRUE(again.value().duplicate);
  EXPECT_EQ(again.value().seq, first.value().seq);
  EXPECT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(0), "x", "id-2")), "sequence");
  // A refused message has not used its id up.
  const auto then = this->PublishOn(config, 'a', StreamSeq(1), "x", "id-2");
  ASSERT_TRUE(then.ok()) << then.error().detail;
  EXPECT_FALSE(then.value().duplicate);
  EXPECT_EQ(this->State(config).messages, 2U);
}

TYPED_TEST_P(StreamConformance, LastOnASubject) {
  auto& streams = this->world_.streams();
  const auto config = this->Made();
  const auto last_on = [&](char token) {
    const auto last = streams.LastOn(config.name, this->Subject(config, token));
    EXPECT_TRUE(last.ok()) << last.error().detail;
    return last.ok() && last.value() ? fmt::format("{}:{}:{}", last.value()->seq.rep(),
                                                   last.value()->data, last.value()->subject.back())
                                     : std::string("none");
  };
  EXPECT_EQ(last_on('a'), "none");
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(0), "one")), "ok");
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'a', StreamSeq(1), "two")), "ok");
  ASSERT_EQ(CodeOf(this->PublishOn(config, 'b', StreamSeq(0), "three")), "ok");
  EXPECT_EQ(last_on('a'), "2:two:a");
  EXPECT_EQ(last_on('b'), "3:three:b");
  EXPECT_EQ(last_on('c'), "none");
  ASSERT_TRUE(streams.Trim(config.name, StreamSeq(3)).ok());
  EXPECT_EQ(last_on('a'), "none");
  EXPECT_EQ(last_on('b'), "3:three:b");
  EXPECT_EQ(CodeOf(streams.LastOn("CONF-none", "conf.none")), "not_found");
}

TYPED_TEST_P(StreamConformance, SameMessageIdIsStoredOnce) {
  const auto config = this->Made();
  const auto first = this->Publish(config, "x", {}, "id-1");
  const auto again = this->Publish(config, "x", {}, "id-1");
  const auto other = this->Publish(config, "x", {}, "id-2");
  ASSERT_TRUE(first.ok() && again.ok() && other.ok());
  EXPECT_FALSE(first.value().duplicate);
  EXPECT_TRUE(again.value().duplicate);
  EXPECT_EQ(again.value().seq, first.value().seq);
  EXPECT_FALSE(other.value().duplicate);
  EXPECT_EQ(this->State(config).messages, 2U);
}

TYPED_TEST_P(StreamConformance, FullStreamRefusesAndGoesOnWhenTrimmed) {
  const auto config = this->Made(100'000);
  const std::string data(40'000, 'f');
  this->MustPublish(config, data);
  this->MustPublish(config, data);
  const auto full = this->Publish(config, data);
  ASSERT_EQ(CodeOf(full), "full");
  EXPECT_EQ(full.error().remedy, Remedy::kRetry);
  EXPECT_EQ(this->State(config).messages, 2U);

  ASSERT_TRUE(this->world_.streams().Trim(config.name, StreamSeq(2)).ok());
  const auto ack = this->Publish(config, data);
  ASSERT_TRUE(ack.ok()) << ack.error().detail;
  EXPECT_EQ(ack.value().seq, StreamSeq(3));
}

TYPED_TEST_P(StreamConformance, TooLargeIsToldBeforeItIsSent) {
  const auto config = this->Made();
  const std::size_t most = this->world_.publisher().MaxPayload();
  const auto refused = this->Publish(config, std::string(most + 1, 'l'));
  ASSERT_EQ(CodeOf(refused), "too_large");
  EXPECT_EQ(refused.error().remedy, Remedy::kDeadLetter);
  const std::string largest(most, 'l');
  this->MustPublish(config, largest);
  const auto last = this->world_.streams().Last(config.name);
  ASSERT_TRUE(last.ok()) << last.error().detail;
  EXPECT_TRUE(last.value()->data == largest);
}

TYPED_TEST_P(StreamConformance, NobodyTakesTheSubject) {
  const auto refused = this->world_.publisher().PublishAndWait(
      {fmt::format("conf.nobody.{}", ++this->Counter()), "x", {}, {}}, kPatience);
  EXPECT_EQ(CodeOf(refused), "unavailable");
}

TYPED_TEST_P(StreamConformance, StateGetLastTrim) {
  auto& streams = this->world_.streams();
  const auto config = this->Made(1'000'000);
  EXPECT_EQ(this->State(config).last, StreamSeq(0));
  EXPECT_FALSE(streams.Last(config.name).value().has_value());
  for (const char* data : {"a", "b", "c", "d"}) this->MustPublish(config, data);

  ASSERT_TRUE(streams.Trim(config.name, StreamSeq(0)).ok());
  EXPECT_EQ(this->State(config).messages, 4U) << "a trim to the beginning keeps everything";
  ASSERT_TRUE(streams.Trim(config.name, StreamSeq(3)).ok());
  const io::StreamState state = this->State(config);
  EXPECT_EQ(state.first, StreamSeq(3));
  EXPECT_EQ(state.last, StreamSeq(4));
  EXPECT_EQ(state.messages, 2U);
  EXPECT_GT(state.bytes, 0U);
  EXPECT_EQ(state.max_bytes, 1'000'000U);
  EXPECT_FALSE(streams.Get(config.name, StreamSeq(2)).value().has_value());
  EXPECT_EQ(streams.Get(config.name, StreamSeq(3)).value()->data, "c");
  EXPECT_FALSE(streams.Get(config.name, StreamSeq(5)).value().has_value());
  const auto last = streams.Last(config.name);
  EXPECT_EQ(last.value()->data, "d");
  EXPECT_EQ(last.value()->seq, StreamSeq(4));
  EXPECT_EQ(last.value()->subject, this->Subject(config));

  ASSERT_TRUE(streams.Trim(config.name, StreamSeq(5)).ok());
  EXPECT_FALSE(streams.Last(config.name).value().has_value());
  EXPECT_EQ(this->State(config).last, StreamSeq(4)) << "sequences go on";
}

TYPED_TEST_P(StreamConformance, OneMessageIsRemovedAndReadersGoOnBehindIt) {
  auto& streams = this->world_.streams();
  const auto config = this->Made(1'000'000);
  for (const char* text : {"1", "2", "3"}) this->MustPublish(config, text);
  ASSERT_TRUE(streams.RemoveMessage(config.name, StreamSeq(2)).ok());
  EXPECT_TRUE(streams.RemoveMessage(config.name, StreamSeq(2)).ok()) << "it may be gone already";
  EXPECT_EQ(this->State(config).messages, 2U);
  const auto gone = streams.Get(config.name, StreamSeq(2));
  ASSERT_TRUE(gone.ok()) << gone.error().detail;
  EXPECT_FALSE(gone.value().has_value());
  const auto reader = streams.ReadFrom(config.name, StreamSeq(1));
  std::string read;
  while (read.size() < 2) {
    const auto messages = reader->Read(1'000, In(kPatience), {});
    ASSERT_TRUE(messages.ok()) << messages.error().detail;
    ASSERT_FALSE(messages.value().empty());
    for (const io::StreamMessage& message : messages.value()) read += message.data;
  }
  EXPECT_EQ(read, "13");
}

TYPED_TEST_P(StreamConformance, EnsureKeepsWhatServesAndAdaptsLimits) {
  auto config = this->Made(1'000'000);
  this->MustPublish(config, "kept");
  const auto before = this->State(config);
  config.max_bytes = 2'000'000;
  const auto raised = this->world_.streams().Ensure(config);
  ASSERT_TRUE(raised.ok()) << raised.error().detail;
  EXPECT_EQ(raised.value().max_bytes, 2'000'000U);
  EXPECT_EQ(raised.value().created_ns, before.created_ns);
  EXPECT_EQ(this->State(config).messages, 1U);

  config.subjects = {"conf.other"};
  const auto other = this->world_.streams().Ensure(config);
  ASSERT_EQ(CodeOf(other), "refused");
  EXPECT_THAT(other.error().detail, ::testing::HasSubstr(config.name));
}

TYPED_TEST_P(StreamConformance, MissingStreamIsNotFound) {
  auto& streams = this->world_.streams();
  EXPECT_EQ(CodeOf(streams.State("CONF-none")), "not_found");
  EXPECT_EQ(CodeOf(streams.Get("CONF-none", StreamSeq(1))), "not_found");
  EXPECT_EQ(CodeOf(streams.Last("CONF-none")), "not_found");
  EXPECT_EQ(CodeOf(streams.Trim("CONF-none", StreamSeq(2))), "not_found");
  EXPECT_EQ(CodeOf(streams.Remove("CONF-none")), "not_found");
  auto reader = streams.ReadFrom("CONF-none", StreamSeq(1));
  EXPECT_EQ(CodeOf(reader->Read(1'000, In(kPatience), {})), "not_found");
}

TYPED_TEST_P(StreamConformance, ReaderStartsWhereItIsTold) {
  const auto config = this->Made();
  for (int i = 1; i <= 10; ++i) this->MustPublish(config, fmt::format("{}", i));
  auto middle = this->world_.streams().ReadFrom(config.name, StreamSeq(9));
  EXPECT_EQ(this->Datas(this->ReadMany(*middle, 2)), (std::vector<std::string>{"9", "10"}));

  // What was trimmed is passed over, also by a reader that was before it.
  auto early = this->world_.streams().ReadFrom(config.name, StreamSeq(2));
  ASSERT_TRUE(this->world_.streams().Trim(config.name, StreamSeq(6)).ok());
  const auto rest = this->ReadMany(*early, 5);
  ASSERT_EQ(rest.size(), 5U);
  EXPECT_EQ(rest[0].seq, StreamSeq(6));
}

TYPED_TEST_P(StreamConformance, ReaderWaitsForNewMessages) {
  const auto config = this->Made();
  auto reader = this->world_.streams().ReadFrom(config.name, StreamSeq(1));
  const auto quiet = reader->Read(1'000, In(std::chrono::milliseconds(30)), {});
  ASSERT_TRUE(quiet.ok());
  EXPECT_TRUE(quiet.value().empty());
  for (int i = 0; i < 20; ++i) {
    auto reading = std::async(std::launch::async, [&] { return this->ReadMany(*reader, 1); });
    this->MustPublish(config, fmt::format("{}", i));
    EXPECT_EQ(this->Datas(reading.get()), std::vector<std::string>{fmt::format("{}", i)});
  }
}

TYPED_TEST_P(StreamConformance, ReadIsBoundedButGivesAtLeastOne) {
  const auto config = this->Made();
  const std::string data(10'000, 'b');
  for (int i = 0; i < 10; ++i) this->MustPublish(config, data);
  auto reader = this->world_.streams().ReadFrom(config.name, StreamSeq(1));
  std::size_t count = 0;
  for (const std::size_t bound : {std::size_t{1}, std::size_t{25'000}, std::size_t{1}}) {
    const auto read = reader->Read(bound, In(kPatience), {});
    ASSERT_TRUE(read.ok());
    ASSERT_FALSE(read.value().empty());
    EXPECT_LE(read.value().size(), std::max<std::size_t>(1, bound / data.size()));
    count += read.value().size();
  }
  EXPECT_EQ(this->ReadMany(*reader, 10 - count, 1).size(), 10 - count);
}

TYPED_TEST_P(StreamConformance, StopEndsReading) {
  const auto config = this->Made();
  auto reader = this->world_.streams().ReadFrom(config.name, StreamSeq(1));
  std::promise<Clock::Time> ended;
  auto thread = StartThread("reader", [&](std::stop_token stop) {
    [[maybe_unused]] const auto read = reader->Read(1'000, In(3 * kPatience), std::move(stop));
    ended.set_value(SystemClock().Now());
  });
  this->MustPublish(this->Made(), "unrelated");
  const Clock::Time asked = SystemClock().Now();
  thread.request_stop();
  EXPECT_LT(ended.get_future().get() - asked, std::chrono::milliseconds(500));
}

TYPED_TEST_P(StreamConformance, ReaderSaysThatItsStreamIsGone) {
  const auto config = this->Made();
  this->MustPublish(config, "old");
  auto reader = this->world_.streams().ReadFrom(config.name, StreamSeq(1));
  ASSERT_EQ(this->ReadMany(*reader, 1).size(), 1U);
  ASSERT_TRUE(this->world_.streams().Remove(config.name).ok());
  EXPECT_EQ(CodeOf(reader->Read(1'000, In(kPatience), {})), "not_found");
  // Not even when another one has its name: its sequences mean something else.
  ASSERT_TRUE(this->world_.streams().Ensure(config).ok());
  for (int i = 0; i < 3; ++i) this->MustPublish(config, "new");
  EXPECT_EQ(CodeOf(reader->Read(1'000, In(kPatience), {})), "not_found");
}

TYPED_TEST_P(StreamConformance, RandomHistoryIsReadOnceAndInOrder) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto config = this->Made();
  auto reader = this->world_.streams().ReadFrom(config.name, StreamSeq(1));
  std::deque<std::pair<StreamSeq, std::string>> unread;
  for (int step = 0; step < 400; ++step) {
    const auto roll = random() % 10;
    if (roll < 5) {
      const std::string data(random() % 5'000, static_cast<char>('a' + random() % 26));
      const auto ack = this->Publish(config, data);
      ASSERT_TRUE(ack.ok()) << ack.error().detail;
      unread.emplace_back(ack.value().seq, data);
    } else if (roll < 9) {
      const auto read = reader->Read(random() % 20'000, In(std::chrono::milliseconds(2)), {});
      ASSERT_TRUE(read.ok());
      for (const io::StreamMessage& message : read.value()) {
        ASSERT_FALSE(unread.empty());
        ASSERT_EQ(message.seq, unread.front().first);
        ASSERT_EQ(message.data, unread.front().second);
        unread.pop_front();
      }
    } else if (!unread.empty()) {
      // Only what was read is trimmed, as the stages do.
      ASSERT_TRUE(this->world_.streams().Trim(config.name, unread.front().first).ok());
    }
  }
  EXPECT_EQ(this->ReadMany(*reader, unread.size()).size(), unread.size());
}

TYPED_TEST_P(StreamConformance, RandomWritersOfSubjectsAreFencedByWhatIsThere) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto config = this->Made();
  std::map<std::uint64_t, char> there;  // The subject of each message.
  std::uint64_t last = 0;
  const auto last_on = [&](char token) {
    std::uint64_t seq = 0;
    for (const auto& [at, subject] : there) seq = subject == token ? at : seq;
    return StreamSeq(seq);
  };
  for (int step = 0; step < 300; ++step) {
    const char token = static_cast<char>('a' + random() % 4);
    const auto roll = random() % 12;
    if (roll < 8) {
      const auto ack =
          this->PublishOn(config, token, last_on(token), std::string(random() % 20'000, 'x'));
      ASSERT_TRUE(ack.ok()) << "step " << step << ": " << ack.error().detail;
      ASSERT_EQ(ack.value().seq, StreamSeq(++last));
      there[last] = token;
    } else if (roll < 10) {
      const StreamSeq wrong(last_on(token).rep() + 1 + random() % 3);
      ASSERT_EQ(CodeOf(this->PublishOn(config, token, wrong)), "sequence") << "step " << step;
    } else if (roll < 11 && !there.empty()) {
      const std::uint64_t keep_from = there.begin()->first + random() % (there.size() + 1);
      ASSERT_TRUE(this->world_.streams().Trim(config.name, StreamSeq(keep_from)).ok());
      there.erase(there.begin(), there.lower_bound(keep_from));
    } else {
      const auto found = this->world_.streams().LastOn(config.name, this->Subject(config, token));
      ASSERT_TRUE(found.ok()) << found.error().detail;
      ASSERT_EQ(found.value() ? found.value()->seq : StreamSeq(0), last_on(token));
    }
  }
}

TYPED_TEST_P(StreamConformance, KeyValueComparesAndSwaps) {
  const auto bucket = this->Bucket();
  EXPECT_FALSE(bucket->Get("sink.3").value().has_value());
  const auto created = bucket->Create("sink.3", "one");
  ASSERT_TRUE(created.ok()) << created.error().detail;
  const auto again = bucket->Create("sink.3", "two");
  ASSERT_EQ(CodeOf(again), "conflict");
  EXPECT_EQ(again.error().remedy, Remedy::kStop);
  const auto updated = bucket->Update("sink.3", "three", created.value());
  ASSERT_TRUE(updated.ok()) << updated.error().detail;
  EXPECT_EQ(CodeOf(bucket->Update("sink.3", "zombie", created.value())), "conflict");
  const auto entry = bucket->Get("sink.3");
  EXPECT_EQ(entry.value()->value, "three");
  EXPECT_EQ(entry.value()->revision, updated.value());
  EXPECT_EQ(CodeOf(bucket->Update("sink.4", "never created", 1)), "conflict");
}

TYPED_TEST_P(StreamConformance, KeyValueRemovesAndCreatesAgain) {
  const auto bucket = this->Bucket();
  const auto first = bucket->Create("lease.sink.0", "");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(bucket->Get("lease.sink.0").value()->value, "") << "an empty value is a value";
  ASSERT_TRUE(bucket->Remove("lease.sink.0").ok());
  EXPECT_FALSE(bucket->Get("lease.sink.0").value().has_value());
  EXPECT_EQ(CodeOf(bucket->Update("lease.sink.0", "zombie", first.value())), "conflict");
  const auto second = bucket->Create("lease.sink.0", "b");
  ASSERT_TRUE(second.ok()) << second.error().detail;
  EXPECT_GT(second.value(), first.value());
  EXPECT_TRUE(bucket->Remove("never.was").ok());
}

TYPED_TEST_P(StreamConformance, KeyValueOfManyWritersLosesNoUpdate) {
  const auto bucket = this->Bucket();
  ASSERT_TRUE(bucket->Create("counter", "0").ok());
  std::vector<std::future<void>> writers;
  for (int w = 0; w < 4; ++w) {
    writers.push_back(std::async(std::launch::async, [&] {
      for (int done = 0; done < 25;) {
        const auto entry = bucket->Get("counter");
        ASSERT_TRUE(entry.ok());
        const int value = std::stoi(entry.value()->value);
        const auto updated =
            bucket->Update("counter", fmt::format("{}", value + 1), entry.value()->revision);
        if (updated.ok()) ++done;
      }
    }));
  }
  for (auto& writer : writers) writer.get();
  EXPECT_EQ(bucket->Get("counter").value()->value, "100");
}

TYPED_TEST_P(StreamConformance, WatchTellsPresentValuesThenChanges) {
  const auto bucket = this->Bucket();
  const auto revision = bucket->Create("sink.1", "present");
  ASSERT_TRUE(revision.ok());
  ASSERT_TRUE(bucket->Create("sink.2", "removed before").ok());
  ASSERT_TRUE(bucket->Remove("sink.2").ok());
  ASSERT_TRUE(bucket->Create("other.1", "not ours").ok());
  ASSERT_TRUE(bucket->Create("sinker.1", "not ours").ok());
  ChangeLog log;
  auto watching = bucket->WatchPrefix("sink.", log.Callback());
  ASSERT_TRUE(watching.ok());
  EXPECT_TRUE(log.WaitFor("sink.1", "present"));
  ASSERT_TRUE(bucket->Update("sink.1", "changed", revision.value()).ok());
  EXPECT_TRUE(log.WaitFor("sink.1", "changed"));
  ASSERT_TRUE(bucket->Remove("sink.1").ok());
  EXPECT_TRUE(log.WaitFor("sink.1", std::nullopt));
  ASSERT_TRUE(bucket->Create("sink.9", "new").ok());
  EXPECT_TRUE(log.WaitFor("sink.9", "new"));

  const std::unique_ptr<io::KeyValue::Watch> watch = std::move(watching).value();
  for (const auto& [key, value] : log.changes()) EXPECT_TRUE(key.starts_with("sink.")) << key;
}

TYPED_TEST_P(StreamConformance, WatchesTellTheLastValueOfEveryKey) {
  const auto bucket = this->Bucket();
  ChangeLog all;
  ChangeLog some;
  const auto watch_all = bucket->WatchPrefix("", all.Callback());
  const auto watch_some = bucket->WatchPrefix("k.1", some.Callback());
  std::map<std::string, std::string> last;
  for (int i = 0; i < 300; ++i) {
    const std::string key = fmt::format("k.{}", i % 20);
    const auto entry = bucket->Get(key);
    const std::string value = fmt::format("{}", i);
    const auto written = entry.value().has_value()
                             ? bucket->Update(key, value, entry.value()->revision)
                             : bucket->Create(key, value);
    ASSERT_TRUE(written.ok()) << written.error().detail;
    last[key] = value;
  }
  for (const auto& [key, value] : last) {
    EXPECT_TRUE(all.WaitFor(key, value)) << key;
    if (!key.starts_with("k.1")) continue;
    EXPECT_TRUE(some.WaitFor(key, value)) << key;
  }
}

TYPED_TEST_P(StreamConformance, KeyThatIsNoKeyIsRefused) {
  const auto bucket = this->Bucket();
  for (const char* key : {"", ".a", "a.", "a..b", "a b", "a*", ">"}) {
    EXPECT_EQ(CodeOf(bucket->Create(key, "x")), "refused") << key;
  }
}

REGISTER_TYPED_TEST_SUITE_P(
    StreamConformance, PublishedMessagesAreReadBackInOrder,
    EveryPublishHasOneCompletionAndItsOwnSequence, ExpectedLastSequenceIsAFence,
    ExpectedLastSequenceOfASubjectIsAFence, ASubjectThatWasTrimmedIsLikeAnUntouchedOne,
    ExpectationsOfASubjectGoWithMessageIds, LastOnASubject, SameMessageIdIsStoredOnce,
    FullStreamRefusesAndGoesOnWhenTrimmed, TooLargeIsToldBeforeItIsSent, NobodyTakesTheSubject,
    StateGetLastTrim, OneMessageIsRemovedAndReadersGoOnBehindIt,
    EnsureKeepsWhatServesAndAdaptsLimits, MissingStreamIsNotFound, ReaderStartsWhereItIsTold,
    ReaderWaitsForNewMessages, ReadIsBoundedButGivesAtLeastOne, StopEndsReading,
    ReaderSaysThatItsStreamIsGone, RandomHistoryIsReadOnceAndInOrder,
    RandomWritersOfSubjectsAreFencedByWhatIsThere, KeyValueComparesAndSwaps,
    KeyValueRemovesAndCreatesAgain, KeyValueOfManyWritersLosesNoUpdate,
    WatchTellsPresentValuesThenChanges, WatchesTellTheLastValueOfEveryKey, KeyThatIsNoKeyIsRefused);

}  // namespace penstock::testing
