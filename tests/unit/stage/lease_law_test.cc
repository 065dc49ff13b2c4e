#include <chrono>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lease_world.h"
#include "support/patience.h"

namespace penstock::stage {
namespace {

using namespace std::chrono_literals;
using testing::CodeOf;
using testing::FaultKind;

constexpr auto kTimes = LeaseWorld::kTimes;
// What is told and done in turns takes some of them.
constexpr auto kTurns = 10 * LeaseWorld::kTick;

/// Three replicas that have the shards among them.
class LeaseTest : public ::testing::Test {
 protected:
  LeaseTest() {
    for (const char* const name : {"a", "b", "c"}) world_.Start(name);
    Settle();
  }
  void Settle(Clock::Duration most = 30s) {
    world_.Until([&] { return world_.Settled(); }, most);
    ASSERT_TRUE(world_.Settled()) << world_.Describe();
  }

  LeaseWorld world_{6};
};

TEST_F(LeaseTest, AMemberThatDiesIsFollowedAfterItsSilence) {
  world_.Kill("b");
  const auto took = world_.Until([&] { return world_.Settled(); }, 1min);
  EXPECT_GE(took, kTimes.gone_after - kTimes.heartbeat);
  EXPECT_LE(took, kTimes.gone_after + 2 * kTimes.heartbeat) << world_.Describe();
}

TEST_F(LeaseTest, AMemberThatComesGetsItsShardsAtOnce) {
  world_.Start("d");
  EXPECT_LE(world_.Until([&] { return world_.Settled(); }, 1min), kTimes.heartbeat + 1s + kTurns)
      << world_.Describe();
}

// A shard takes up to a second to finish.
TEST_F(LeaseTest, AMemberThatLeavesIsFollowedAtOnce) {
  world_.Leave(*world_.Find("b"));
  world_.Until([&] { return world_.Find("b") == nullptr; }, 1min);
  EXPECT_LE(world_.Until([&] { return world_.Settled(); }, 1min), kTimes.heartbeat)
      << world_.Describe();
}

TEST_F(LeaseTest, ARestartedReplicaHasItsShardsAgain) {
  world_.Kill("b");
  world_.Run(500ms);
  const int takes = world_.takes;
  world_.Start("b");
  Settle(kTimes.gone_after);
  EXPECT_EQ(world_.takes, takes + 2) << "the others' shards stayed where they were";
}

TEST_F(LeaseTest, AFrozenReplicaFindsThatItsShardsAreGone) {
  world_.Find("b")->frozen_until = world_.clock.now + 15s;
  world_.Run(14s);
  EXPECT_THAT(world_.Owners(ShardId(1)), ::testing::AnyOf("ba", "ab", "bc", "cb"));
  world_.Run(1s + 2 * LeaseWorld::kTick);
  EXPECT_EQ(world_.Owners(ShardId(1)).size(), 1U) << world_.Describe();
  Settle();
}

// A bucket that is away tells nothing about anybody.
TEST_F(LeaseTest, WhoCannotSeeTheBucketKeepsWhatItHas) {
  const int takes = world_.takes;
  const auto fail = [&](bool away) {
    for (const auto& replica : world_.replicas) {
      if (away) {
        replica->client.faults().Add(
            {.kind = FaultKind::kUnavailable, .operation = "", .about = "", .times = -1});
      } else {
        replica->client.faults().Clear();
      }
    }
  };
  fail(true);
  world_.Run(1min);
  EXPECT_TRUE(world_.Settled()) << world_.Describe();
  fail(false);
  world_.Run(1min);
  EXPECT_TRUE(world_.Settled()) << world_.Describe();
  EXPECT_EQ(world_.takes, takes) << "nothing has changed hands";
}

TEST_F(LeaseTest, ALostBucketIsFilledAgain) {
  world_.bucket.LoseAll();
  world_.Run(kTimes.gone_after + 4 * kTimes.heartbeat);
  EXPECT_TRUE(world_.Settled()) << world_.Describe();
}

// Nobody else needs to be there, to make it again.
TEST_F(LeaseTest, ADeletedBucketIsMadeAgain) {
  const int takes = world_.takes;
  world_.bucket.Delete();
  EXPECT_LE(world_.Until([&] { return world_.Settled(); }, 1min), 3 * kTimes.heartbeat)
      << world_.Describe();
  world_.Run(2 * kTimes.gone_after);
  EXPECT_TRUE(world_.Settled()) << world_.Describe();
  EXPECT_EQ(world_.takes, takes) << "nothing has changed hands";
}

TEST_F(LeaseTest, GarbageIsNobodys) {
  for (const std::string key : {"lease.sink.0", "member.sink.b", "lease.sink.99", "lease.sink.x"}) {
    const auto entry = world_.bucket.Get(key).value();
    ASSERT_TRUE((entry ? world_.bucket.Update(key, "garbage", entry->revision)
                       : world_.bucket.Create(key, "garbage"))
                    .ok());
  }
  ASSERT_TRUE(world_.bucket.Create("member.sink.0", "what?").ok());
  ASSERT_TRUE(world_.bucket.Remove("lease.sink.4").ok());
  world_.Run(kTimes.heartbeat);
  Settle(1s);
}

TEST_F(LeaseTest, OfTwoWithOneNameTheLaterOneEnds) {
  LeaseWorld::Replica& later = world_.Start("b");
  world_.Until([&] { return !later.failed.ok(); }, 1min);
  EXPECT_EQ(CodeOf(later.failed), "name_taken");
  EXPECT_THAT(later.failed.error().detail, ::testing::HasSubstr("called b"));
  EXPECT_TRUE(later.works.empty());
}

TEST_F(LeaseTest, MoreReplicasThanShardsWait) {
  for (const char* const name : {"d", "e", "f", "g", "h"}) world_.Start(name);
  Settle();
  EXPECT_TRUE(world_.Find("g")->works.empty());
  world_.Leave(*world_.Find("a"));
  world_.Until([&] { return world_.Find("a") == nullptr; }, 1min);
  Settle();
  EXPECT_FALSE(world_.Find("g")->works.empty());
}

/// Everything at once: replicas that come, die, freeze, come back and leave, while answers are lost
/// and writes come late.
class LeaseLaw : public ::testing::TestWithParam<int> {};

void Disturb(LeaseWorld& world) {
  const std::string name(1, static_cast<char>('a' + world.random() % 5));
  LeaseWorld::Replica* const replica = world.Find(name);
  if (replica == nullptr) {
    world.Start(name);
    return;
  }
  switch (world.random() % 5) {
    case 0:
      return world.Kill(name);
    case 1:
      return world.Leave(*replica);
    case 2:
      replica->frozen_until = world.clock.now + 1s * (world.random() % 20);
      return;
    case 3:
      return replica->client.faults().Roll(world.random(), 0.2, 0.1);
    default:
      replica->writes_late = true;
      return replica->client.faults().Add(
          {.kind = FaultKind::kLate, .operation = "Update", .about = "lease"});
  }
}

TEST_P(LeaseLaw, EveryShardEndsWithItsTargetAndNobodyIsRobbed) {
  for (int i = 0; i < 10 && !HasFailure(); ++i) {
    SCOPED_TRACE(fmt::format("seed {}, round {}", GetParam(), i));
    LeaseWorld world(5, static_cast<std::uint64_t>(GetParam() * 100 + i));
    world.Start("c");
    for (int disturbance = 0; disturbance < 20; ++disturbance) {
      Disturb(world);
      world.Run(100ms * (world.random() % 60));
    }
    if (world.Find("e") == nullptr) world.Start("e");
    for (const auto& replica : world.replicas) {
      replica->frozen_until = {};
      replica->client.faults().Clear();
      replica->client.ApplyLate();
    }
    world.Run(3 * kTimes.gone_after);
    EXPECT_TRUE(world.Settled()) << world.Describe();
    for (const auto& replica : world.replicas) EXPECT_EQ(CodeOf(replica->failed), "ok");
  }
}

// PENSTOCK_LEASE_SEEDS=1000 for more.
int Seeds() {
  const char* const wanted = std::getenv("PENSTOCK_LEASE_SEEDS");
  return wanted == nullptr ? 10 : std::stoi(wanted);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LeaseLaw, ::testing::Range(0, Seeds()));

}  // namespace
}  // namespace penstock::stage
