#include "stage/shard_set.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/wait.h"
#include "stage/static_ownership.h"
#include "support/patience.h"

namespace penstock::stage {
namespace {

using namespace std::chrono_literals;
using testing::CodeOf;
using testing::Eventually;

/// What happened, in order: "start 0", "stop 1", … Thread-safe.
class Events {
 public:
  void Add(std::string_view what, ShardId shard) {
    std::lock_guard lock(mutex_);
    all_.push_back(fmt::format("{} {}", what, shard.rep()));
  }
  std::vector<std::string> all() const {
    std::lock_guard lock(mutex_);
    return all_;
  }
  bool Has(const std::string& event) const { return std::ranges::count(all(), event) > 0; }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> all_;
};

/// Ends when it is asked to, unless it is `stubborn`.
struct Script {
  std::atomic<bool> stubborn = false;
  std::atomic<bool> conflict = false;  // Shard 1 has met another owner.
  std::atomic<int> failures = 0;       // So often it cannot be made.
  std::atomic<bool> loses = false;     // Shard 1 finds its stream gone when it starts.
};

class FakeShard final : public OwnedShard {
 public:
  FakeShard(ShardId shard, Events& events, Script& script)
      : shard_(shard), events_(events), script_(script) {}
  ~FakeShard() override { events_.Add("close", shard_); }
  void Start() override {
    events_.Add("start", shard_);
    lost_ = shard_ == ShardId(1) && script_.loses;
  }
  void RequestStop() override {
    events_.Add("ask", shard_);
    ended_ = !script_.stubborn;
  }
  bool ended() const override { return ended_; }
  void StopNow() override { events_.Add("stop", shard_); }
  std::optional<Error> failure() const override {
    if (lost_) return Error{Remedy::kRetry, "stream_replaced", "its stream is gone"};
    if (!script_.conflict || shard_ != ShardId(1)) return std::nullopt;
    return Error{Remedy::kStop, "conflict", "another has it"};
  }
  bool started() const override { return true; }

 private:
  const ShardId shard_;
  Events& events_;
  Script& script_;
  bool ended_ = false;
  bool lost_ = false;
};

/// Tells what the test wants to be told.
class FakeOwnership final : public Ownership {
 public:
  explicit FakeOwnership(Events& events) : events_(events) {}
  void Tell(Change change) {
    std::lock_guard lock(mutex_);
    changes_.push_back(std::move(change));
    told_.notify_all();
  }
  Result<Change> Next(Clock::Time deadline, std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    told_.wait_until(lock, stop, deadline, [&] { return !changes_.empty(); });
    if (changes_.empty()) return Change{};
    Change change = std::move(changes_.front());
    changes_.pop_front();
    return change;
  }
  void Ended(ShardId shard) override { events_.Add("ended", shard); }
  Status Overtaken(const Error&) override { return Done{}; }
  void Leave() override {}

 private:
  Events& events_;
  std::mutex mutex_;
  std::condition_variable_any told_;
  std::deque<Change> changes_;
};

class ShardSetTest : public ::testing::Test {
 protected:
  void Run(Ownership& ownership, Clock::Duration drain_limit = 10s) {
    set_.emplace(ShardSet::Options{.stage = "sink",
                                   .drain_limit = drain_limit,
                                   .check_interval = 5ms,
                                   .first_pause = 10ms},
                 ShardSet::Parts{.ownership = ownership,
                                 .make = [this](ShardId shard) { return Make(shard); },
                                 .given_up = {},
                                 .clock = SystemClock(),
                                 .health = health_,
                                 .metrics = metrics_});
    thread_ = std::jthread([this](std::stop_token stop) { result_ = set_->Run(stop); });
  }
  const Status& Finish() {
    thread_.request_stop();
    thread_.join();
    return result_;
  }
  Result<std::unique_ptr<OwnedShard>> Make(ShardId shard) {
    if (script_.failures.fetch_sub(1) > 0) return Error{Remedy::kRetry, "disk", "not yet"};
    return std::unique_ptr<OwnedShard>(std::make_unique<FakeShard>(shard, events_, script_));
  }
  bool Owns(int shards) const { return Shows("penstock_shards_owned", shards); }
  bool Shows(std::string_view metric, int value) const {
    return metrics_.Expose().find(fmt::format("{} {}\n", metric, value)) != std::string::npos;
  }

  Events events_;
  Script script_;
  Health health_;
  Metrics metrics_;
  std::optional<ShardSet> set_;
  Status result_ = Done{};
  std::jthread thread_;
};

TEST_F(ShardSetTest, AFixedPartRunsFromStartToStop) {
  StaticOwnership ownership({.index = 1, .count = 2}, 4);
  script_.failures = 1;
  Run(ownership);
  ASSERT_TRUE(Eventually([&] { return events_.Has("start 1") && events_.Has("start 3"); }));
  ASSERT_TRUE(Eventually([&] { return health_.WhyNotReady().empty(); }));
  EXPECT_TRUE(Owns(2));
  EXPECT_TRUE(Finish().ok());
  EXPECT_TRUE(events_.Has("close 1") && events_.Has("close 3"));
}

TEST_F(ShardSetTest, AShardWhoseStreamIsGoneBeginsAnewInPlace) {
  StaticOwnership ownership({}, 2);
  script_.loses = true;
  Run(ownership);
  ASSERT_TRUE(Eventually([&] {
    return health_.WhyNotReady() == std::vector<std::string>{"shards: its stream is gone"};
  }));
  script_.loses = false;
  ASSERT_TRUE(Eventually([&] { return health_.WhyNotReady().empty(); }));
  EXPECT_TRUE(Finish().ok());
  auto events = events_.all();
  ASSERT_GE(events.size(), 5U);
  events.resize(5);
  EXPECT_THAT(events, ::testing::ElementsAre("start 0", "start 1", "stop 1", "close 1", "start 1"))
      << "it is closed before it is made again, and the other works on";
  EXPECT_FALSE(Shows("penstock_shard_restarts_total", 0));
}

TEST_F(ShardSetTest, AFixedPartThatAnotherHasEndsTheProcess) {
  StaticOwnership ownership({}, 2);
  script_.conflict = true;
  Run(ownership);
  thread_.join();
  EXPECT_EQ(CodeOf(result_), "conflict");
  EXPECT_TRUE(events_.Has("close 0") && events_.Has("close 1"));
}

// The release comes last: by then what the shard held is closed.
TEST_F(ShardSetTest, AShardIsFinishedAndClosedBeforeItIsReleased) {
  FakeOwnership ownership(events_);
  Run(ownership);
  ASSERT_TRUE(Eventually([&] { return health_.WhyNotReady().empty(); })) << "without shards, too";
  ownership.Tell({.take = {ShardId(0), ShardId(1)}, .give_up = {}, .lost = {}});
  ASSERT_TRUE(Eventually([&] { return Owns(2); }));
  ownership.Tell({.take = {}, .give_up = {ShardId(0)}, .lost = {}});
  ASSERT_TRUE(Eventually([&] { return events_.Has("ended 0"); }));
  EXPECT_TRUE(Owns(1));
  EXPECT_THAT(events_.all(), ::testing::ElementsAre("start 0", "start 1", "ask 0", "stop 0",
                                                    "close 0", "ended 0"));
  EXPECT_TRUE(Finish().ok());
}

TEST_F(ShardSetTest, OnlyTheShardEndsThatAnotherHas) {
  FakeOwnership ownership(events_);
  Run(ownership);
  ownership.Tell({.take = {ShardId(0), ShardId(1), ShardId(2)}, .give_up = {}, .lost = {}});
  ASSERT_TRUE(Eventually([&] { return Owns(3); }));
  script_.conflict = true;
  ASSERT_TRUE(Eventually([&] { return events_.Has("ended 1"); }));
  ownership.Tell({.take = {}, .give_up = {}, .lost = {ShardId(2)}});
  ASSERT_TRUE(Eventually([&] { return events_.Has("ended 2"); }));
  EXPECT_FALSE(events_.Has("ask 2")) << "it is not its to finish";
  EXPECT_TRUE(Owns(1));
  EXPECT_TRUE(Finish().ok());
}

TEST_F(ShardSetTest, WhoDoesNotFinishIsStopped) {
  FakeOwnership ownership(events_);
  Run(ownership, 30ms);
  script_.stubborn = true;
  ownership.Tell({.take = {ShardId(0)}, .give_up = {}, .lost = {}});
  ownership.Tell({.take = {}, .give_up = {ShardId(0)}, .lost = {}});
  ASSERT_TRUE(Eventually([&] { return events_.Has("ended 0"); }));
  EXPECT_TRUE(events_.Has("stop 0"));
  EXPECT_TRUE(Finish().ok());
}

}  // namespace
}  // namespace penstock::stage
