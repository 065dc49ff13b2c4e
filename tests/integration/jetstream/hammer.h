#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/backoff.h"
#include "base/format.h"
#include "base/thread.h"
#include "base/wait.h"
#include "io/stream.h"
#include "support/patience.h"

namespace penstock::testing {

/// Publishes numbered messages, each until it is acknowledged, from several threads.
class Hammer {
 public:
  Hammer(io::Publisher& publisher, const std::string& subject, int threads) {
    for (int t = 0; t < threads; ++t) {
      threads_.push_back(
          StartThread("hammer", [this, &publisher, subject, t](std::stop_token stop) {
            Run(publisher, subject, t, std::move(stop));
          }));
    }
  }
  /// Sequence → message, as acknowledged.
  std::map<StreamSeq, std::string> Finish() {
    for (auto& thread : threads_) thread.request_stop();
    threads_.clear();
    EXPECT_EQ(completions_, calls_) << "every publish must complete once";
    return acked_;
  }
  std::size_t acked() {
    std::lock_guard lock(mutex_);
    return acked_.size();
  }
  bool WaitForMore(std::size_t count, Clock::Duration patience = kPatience) {
    const std::size_t before = acked();
    return Eventually([&] { return acked() >= before + count; }, patience);
  }

 private:
  void Run(io::Publisher& publisher, const std::string& subject, int thread, std::stop_token stop) {
    Backoff backoff(std::chrono::milliseconds(5), std::chrono::milliseconds(100));
    for (int number = 0; !stop.stop_requested();) {
      std::string data = fmt::format("{}-{}:", thread, number);
      data.resize(20'000, 'h');
      std::mutex mutex;
      std::condition_variable completed;
      std::optional<Result<io::PublishAck>> ack;
      ++calls_;
      publisher.Publish({subject, data, {}, {}}, std::chrono::seconds(2),
                        [&](Result<io::PublishAck> answer) {
                          ++completions_;
                          std::lock_guard lock(mutex);
                          ack = std::move(answer);
                          completed.notify_one();
                        });
      std::unique_lock lock(mutex);
      if (!completed.wait_until(lock, In(kPatience), [&] { return ack.has_value(); })) {
        ADD_FAILURE() << "a publish did not complete";
        std::abort();  // Its callback would find nothing here.
      }
      if (ack->ok()) {
        std::lock_guard guard(mutex_);
        acked_[ack->value().seq] = data;
        ++number;
        backoff.Reset();
      } else {
        EXPECT_EQ(ack->error().code, "unavailable") << ack->error().detail;
        WaitUntil(In(backoff.Next()), stop);
      }
    }
  }

  std::mutex mutex_;
  std::map<StreamSeq, std::string> acked_;
  std::atomic<int> calls_{0};
  std::atomic<int> completions_{0};
  std::vector<std::jthread> threads_;
};

/// Reads on one thread until told to stop; checks that sequences rise.
class Follower {
 public:
  Follower(io::Streams& streams, const std::string& stream)
      : reader_(streams.ReadFrom(stream, StreamSeq(1))) {
    thread_ = StartThread("follower", [this](std::stop_token stop) {
      while (!stop.stop_requested()) {
        auto read = reader_->Read(1 << 20, In(std::chrono::seconds(1)), stop);
        ASSERT_TRUE(read.ok()) << read.error().detail;
        std::lock_guard lock(mutex_);
        for (auto& message : std::move(read).value()) {
          if (!read_.empty()) {
            ASSERT_EQ(message.seq.rep(), read_.rbegin()->first.rep() + 1);
          }
          read_[message.seq] = std::move(message.data);
        }
      }
    });
  }
  bool WaitFor(StreamSeq seq) {
    return Eventually([&] {
      std::lock_guard lock(mutex_);
      return !read_.empty() && read_.rbegin()->first >= seq;
    });
  }
  std::map<StreamSeq, std::string> Finish() {
    thread_ = {};
    return read_;
  }

 private:
  std::unique_ptr<io::StreamReader> reader_;
  std::mutex mutex_;
  std::map<StreamSeq, std::string> read_;
  std::jthread thread_;
};

inline void ExpectContains(const std::map<StreamSeq, std::string>& all,
                           const std::map<StreamSeq, std::string>& acked) {
  for (const auto& [seq, data] : acked) {
    const auto found = all.find(seq);
    ASSERT_NE(found, all.end()) << "acknowledged, but not there: " << seq.rep();
    EXPECT_TRUE(found->second == data) << seq.rep();
  }
}

}  // namespace penstock::testing
