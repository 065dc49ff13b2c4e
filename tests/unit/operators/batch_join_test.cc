#include "operators/batch_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "join_world.h"

namespace penstock::operators {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::int64_t kHour = 3'600'000;

// The reference's own case: users by id, and what they did.
TEST(BatchJoinTest, ALeftRowIsSentOnceWhicheverSideComesFirst) {
  JoinWorld world(NamesPlan(kHour, kHour, false));
  world.left.Add(0, {{"123", "john", 1000}, {"480", "zahng", 1001}});
  world.left.Add(0, {{"789", "gmail", 1002}, {"789", "yahoo", 1003}});
  world.right.Add(0, {{"123", "John", 1000}, {"456", "Alice", 1001}, {"789", "Bob", 1002}});
  world.Take(world.left);
  EXPECT_THAT(world.joined(), IsEmpty()) << "they wait";
  world.Take(world.right);
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"john", "John"}));
  world.Take(world.left);
  EXPECT_THAT(world.joined(),
              ElementsAre(Joined{"john", "John"}, Joined{"gmail", "Bob"}, Joined{"yahoo", "Bob"}));
  world.right.Add(0, {{"123", "John again", 1010}, {"789", "Bob again", 1011}});
  world.TakeAll();
  EXPECT_EQ(world.joined().size(), 3U) << "a left row is sent at most once";
}

TEST(BatchJoinTest, TwoLeftRowsWaitForOneRightRow) {
  JoinWorld world(NamesPlan(kHour, kHour, false));
  world.left.Add(0, {{"k", "a", 1000}, {"k", "b", 1001}, {"other", "c", 1002}});
  world.right.Add(0, {{"k", "R", 1500}, {"k", "S", 1501}});
  world.TakeAll();
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"a", "R"}, Joined{"b", "R"}));
}

TEST(BatchJoinTest, TheNewestRightRowCounts) {
  JoinWorld world(NamesPlan(kHour, kHour, false));
  world.right.Add(0, {{"k", "old", 1000}, {"k", "new", 3000}, {"k", "late", 2000}});
  world.left.Add(0, {{"k", "a", 3000}});
  world.Take(world.right);
  world.Take(world.left);
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"a", "new"}));
}

TEST(BatchJoinTest, WindowsAreOfKafkasTime) {
  JoinWorld world(NamesPlan(2000, 500, false));
  world.left.Add(0, {{"k", "a", 10'000}});
  world.right.Add(0, {{"k", "too late", 12'001}});
  world.TakeAll();
  EXPECT_THAT(world.joined(), IsEmpty());
  world.left.Add(0, {{"k", "b", 12'501}, {"k", "c", 12'502}});
  world.TakeAll();
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"b", "too late"}))
      << "half a second before is near enough for b only";
}

TEST(BatchJoinTest, AnOuterJoinSendsWhatHasNoPartnerWhenItsWindowIsOver) {
  JoinWorld world(NamesPlan(2000, 2000, true));
  world.left.Add(0, {{"k", "a", 10'000}, {"x", "b", 10'000}, {"y", "c", 11'000}});
  world.right.Add(0, {{"k", "A", 10'500}});
  world.TakeAll();
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"a", "A"}));
  world.right.Add(0, {}, 12'000);
  world.TakeAll();
  EXPECT_EQ(world.joined().size(), 1U) << "a row may still come at just this time";
  world.right.Add(0, {}, 12'100);
  world.TakeAll();
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"a", "A"}, Joined{"b", std::nullopt}));
  world.right.Add(0, {}, 20'000);
  world.TakeAll();
  world.left.Add(0, {{"z", "late", 9'000}});
  world.TakeAll();
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"a", "A"}, Joined{"b", std::nullopt},
                                          Joined{"c", std::nullopt}, Joined{"late", std::nullopt}));
}

// One topic hours ahead of the other: each waits for the other's time.
TEST(BatchJoinTest, ASideThatIsFarAheadLosesNothing) {
  JoinWorld world(NamesPlan(1000, 1000, false));
  for (int hour = 0; hour < 5; ++hour) {
    world.right.Add(0, {{fmt::format("{}", hour), fmt::format("R{}", hour), hour * kHour}});
  }
  while (world.Take(world.right)) {
  }
  for (int hour = 0; hour < 5; ++hour) {
    world.left.Add(0, {{fmt::format("{}", hour), fmt::format("L{}", hour), hour * kHour + 5}});
  }
  world.TakeAll();
  EXPECT_EQ(world.joined().size(), 5U);
}

TEST(BatchJoinTest, APartitionWithoutAClockHoldsTheTimeBack) {
  JoinWorld world(NamesPlan(1000, 1000, true));
  world.right.Add(0, {}, 1000);
  world.right.Add(1, {{"k", "R", 2000}});
  world.left.Add(0, {{"x", "a", 500}});
  world.TakeAll();
  world.right.Add(1, {}, 900'000);
  world.TakeAll();
  EXPECT_THAT(world.joined(), IsEmpty()) << "partition 0 is at 1000";
  world.right.Add(0, {}, 10'000);
  world.TakeAll();
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"a", std::nullopt}));
}

TEST(BatchJoinTest, RepeatsAreTakenInOnce) {
  JoinWorld world(NamesPlan(kHour, kHour, false));
  world.left.Add(0, {{"k", "a", 1000}});
  world.left.Repeat(0);
  world.right.Add(0, {{"k", "R", 1000}});
  world.TakeAll();
  world.left.Repeat(0);
  world.TakeAll();
  EXPECT_EQ(world.output().counts.replayed, 1U);
  EXPECT_THAT(world.joined(), ElementsAre(Joined{"a", "R"}));
}

// What would leave a gap is left out, and comes again behind what was missing.
TEST(BatchJoinTest, AGapIsLeftOut) {
  JoinWorld world(NamesPlan(kHour, kHour, false));
  world.right.Add(0, {{"k", "R", 1000}});
  world.Take(world.right);
  world.left.Add(0, {{"k", "a", 1000}});
  world.left.Add(0, {{"k", "b", 1001}});
  BatchJoin::Output output;
  ASSERT_TRUE(world.left.TakeInto(world.join(), 2, output).ok());
  EXPECT_EQ(output.counts.refused, 1U);
  EXPECT_EQ(output.counts.matched, 0U);
  ASSERT_TRUE(world.join().Commit().ok());
  world.left.Repeat(0);
  world.left.Repeat(1);
  BatchJoin::Output again;
  ASSERT_TRUE(world.left.TakeInto(world.join(), 3, again).ok());
  EXPECT_EQ(again.counts.matched, 1U);
  ASSERT_TRUE(world.join().Commit().ok());
  ASSERT_TRUE(world.left.TakeInto(world.join(), 4, again).ok());
  EXPECT_EQ(again.counts.matched, 1U);
}

TEST(BatchJoinTest, ARowWithoutItsKeyIsADeadLetter) {
  JoinWorld world(NamesPlan(kHour, kHour, false));
  world.left.Add(0, {{"", "a", 1000}, {"k", "b", 1001}});
  world.Take(world.left);
  ASSERT_EQ(world.output().letters.size(), 1U);
  EXPECT_EQ(world.output().letters[0].reason, DeadLetterReason::kKeyMissing);
  EXPECT_EQ(world.output().letters[0].offset, Offset(0));
  EXPECT_EQ(world.output().letters[0].original_message, R"({"key":null,"name":"a"})");
}

TEST(BatchJoinTest, FilterAndOutputsTakeTheJoinedRow) {
  JoinPlan plan = NamesPlan(kHour, kHour, false);
  TransformPlan after;
  after.source_id = "join";
  after.filter = R"(l != "b")";
  after.input = plan.output;
  after.outputs = {{R"(l + "-" + r)", "both", "string"}, {R"(upper(r))", "R", "string"}};
  after.output = {FieldOf("both", PhysicalType::kString), FieldOf("R", PhysicalType::kString)};
  plan.after = after;
  JoinWorld world(plan);
  world.right.Add(0, {{"k", "r", 1000}});
  world.left.Add(0, {{"k", "a", 1000}, {"k", "b", 1001}, {"k", "c", 1002}});
  world.Take(world.right);
  world.Take(world.left);
  EXPECT_EQ(Outcomes(world.output().batch.sections), "rfr");
  EXPECT_THAT(Texts(world.output().batch.columns[0]), ElementsAre("a-r", "c-r"));
  EXPECT_EQ(world.output().counts.filtered, 1U);
}

// Kept messages are trimmed, a store is made from what is left, and what was sent is not sent
// again.
TEST(BatchJoinTest, MessagesAreKeptAsLongAsTheyAreNeeded) {
  JoinWorld world(NamesPlan(1000, 500, false));
  for (std::int64_t second = 0; second < 100; ++second) {
    const std::int64_t now = second * 1000;
    world.left.Add(0, {{fmt::format("{}", second), fmt::format("l{}", second), now}});
    world.right.Add(0, {{fmt::format("{}", second), fmt::format("r{}", second), now + 100}});
    world.Take(world.left);
    world.Take(world.right);
  }
  EXPECT_EQ(world.joined().size(), 100U);
  EXPECT_GE(world.kept_from(Side::kLeft).rep(), 95U);
  EXPECT_GE(world.kept_from(Side::kRight).rep(), 95U);
  ASSERT_TRUE(world.store.Reset().ok());
  world.Restart();
  EXPECT_FALSE(world.join().caught_up());
  world.TakeAll();
  EXPECT_TRUE(world.join().caught_up());
  EXPECT_EQ(world.joined().size(), 100U);
}

}  // namespace
}  // namespace penstock::operators
