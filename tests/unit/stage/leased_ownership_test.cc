#include "stage/leased_ownership.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <gtest/gtest.h>

#include "support/fake_key_value.h"
#include "support/patience.h"

namespace penstock::stage {
namespace {

using namespace std::chrono_literals;
using testing::CodeOf;
using testing::Eventually;
using testing::FakeKeyValue;
using testing::In;

constexpr LeaseTimes kFast{.heartbeat = 20ms, .gone_after = 10s};

/// A replica that does at once what it is told.
class Replica {
 public:
  Replica(const std::string& name, FakeKeyValue& bucket)
      : ownership_({.stage = "sink", .replica = name, .shards = 4, .times = kFast},
                   {.bucket = bucket,
                    .make_bucket = [] { return Done{}; },
                    .clock = SystemClock(),
                    .metrics = metrics_}) {}

  /// Until it works on so many.
  bool WorksOn(std::size_t shards) {
    return Eventually([&] {
      failed_ = Follow();
      return works_.size() == shards;
    });
  }
  bool Fails() {
    return Eventually([&] { return !(failed_ = Follow()).ok(); });
  }
  void Leave() {
    ownership_.Leave();
    for (const ShardId shard : works_) ownership_.Ended(shard);
  }
  std::string page() const { return metrics_.Expose(); }
  const Status& failed() const { return failed_; }

 private:
  Status Follow() {
    PENSTOCK_ASSIGN_OR_RETURN(const auto change, ownership_.Next(In(5ms), {}));
    works_.insert(change.take.begin(), change.take.end());
    for (const auto* const ending : {&change.give_up, &change.lost}) {
      for (const ShardId shard : *ending) {
        works_.erase(shard);
        ownership_.Ended(shard);
      }
    }
    return Done{};
  }

  Metrics metrics_;
  LeasedOwnership ownership_;
  std::set<ShardId> works_;
  Status failed_ = Done{};
};

TEST(LeasedOwnershipTest, ReplicasShareAndHandOver) {
  FakeKeyValue bucket;
  {
    Replica a("a", bucket);
    ASSERT_TRUE(a.WorksOn(4));
    Replica b("Replica B", bucket);
    ASSERT_TRUE(Eventually([&] { return a.WorksOn(2) && b.WorksOn(2); }));
    EXPECT_NE(a.page().find(R"(penstock_lease_changes_total{change="released"} 2)"),
              std::string::npos)
        << a.page();
    a.Leave();
    ASSERT_TRUE(b.WorksOn(4));
    b.Leave();
  }
  for (const auto& [key, value] : bucket.Values()) EXPECT_FALSE(key.starts_with("member.")) << key;
}

// A process that is stopped before it has looked.
TEST(LeasedOwnershipTest, WhatWasTakenAndNotToldIsReleased) {
  FakeKeyValue bucket;
  const auto leases = [&](std::string_view owner) {
    return std::ranges::count_if(bucket.Values(), [&](const auto& entry) {
      return entry.first.starts_with("lease.") && entry.second.starts_with(owner);
    });
  };
  {
    Replica a("a", bucket);
    ASSERT_TRUE(Eventually([&] { return leases("1 a ") == 4; }));
  }
  EXPECT_EQ(leases("1 - - "), 4);
}

TEST(LeasedOwnershipTest, ANameThatIsTakenEndsTheProcess) {
  FakeKeyValue bucket;
  Replica first("a", bucket);
  ASSERT_TRUE(first.WorksOn(4));
  Replica second("a", bucket);
  ASSERT_TRUE(second.Fails());
  EXPECT_EQ(CodeOf(second.failed()), "name_taken");
  first.Leave();
}

}  // namespace
}  // namespace penstock::stage
