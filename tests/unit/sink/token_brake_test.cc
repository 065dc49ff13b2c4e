#include "sink/token_brake.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

using namespace std::chrono_literals;

class ManualClock final : public Clock {
 public:
  Time Now() const override { return Time(now.load()); }
  std::int64_t WallMs() const override { return 0; }
  std::atomic<Duration> now{Duration(1h)};
};

class TokenBrakeTest : public ::testing::Test {
 protected:
  void Insert(int times) {
    for (int i = 0; i < times; ++i) brake_.Inserted();
  }

  ManualClock clock_;
  TokenBrake brake_{clock_};
};

TEST_F(TokenBrakeTest, NewBlocksWaitBeforeTheTableForgetsOneWithoutAnAnswer) {
  brake_.SetWindow({.blocks = 10, .seconds = 0});
  Insert(100);
  EXPECT_FALSE(brake_.pressed()) << "all were answered";
  TokenBrake::Unanswered lost(brake_);
  lost.Begin();
  Insert(5);
  EXPECT_FALSE(brake_.pressed());
  Insert(1);
  EXPECT_TRUE(brake_.pressed());
  lost.Begin();  // Another attempt without an answer makes it no younger.
  EXPECT_TRUE(brake_.pressed());
  std::thread waiting([&] { EXPECT_TRUE(brake_.WaitUntilFree({})); });
  lost.End();
  waiting.join();
  EXPECT_FALSE(brake_.pressed());
}

TEST_F(TokenBrakeTest, PartsOfAllWritersUseTheWindowUp) {
  brake_.SetWindow({.blocks = 100, .seconds = 0});
  Insert(10);
  brake_.Measured(200);  // 20 for each insert of ours: partitions, or other processes.
  TokenBrake::Unanswered lost(brake_);
  lost.Begin();
  Insert(2);
  EXPECT_FALSE(brake_.pressed());
  Insert(1);
  EXPECT_TRUE(brake_.pressed());
}

TEST_F(TokenBrakeTest, AReplicatedTableForgetsByTimeToo) {
  brake_.SetWindow({.blocks = 1000, .seconds = 600});
  TokenBrake::Unanswered lost(brake_);
  lost.Begin();
  EXPECT_FALSE(brake_.pressed());
  clock_.now = clock_.now.load() + 301s;
  EXPECT_TRUE(brake_.pressed());
}

TEST_F(TokenBrakeTest, ATableThatRemembersNothingHoldsNobodyUp) {
  TokenBrake::Unanswered lost(brake_);
  lost.Begin();
  Insert(1000);
  EXPECT_FALSE(brake_.pressed());
}

TEST_F(TokenBrakeTest, AStopEndsTheWaiting) {
  brake_.SetWindow({.blocks = 1, .seconds = 0});
  TokenBrake::Unanswered lost(brake_);
  lost.Begin();
  Insert(1);
  std::stop_source stop;
  std::thread waiting([&] { EXPECT_FALSE(brake_.WaitUntilFree(stop.get_token())); });
  stop.request_stop();
  waiting.join();
}

}  // namespace
}  // namespace penstock::sink
