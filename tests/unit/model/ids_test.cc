#include "model/ids.h"

#include <type_traits>

#include <gtest/gtest.h>

#include "model/dead_letter.h"

namespace penstock {
namespace {

// An offset where a sequence is meant must not compile.
static_assert(!std::is_convertible_v<Offset, StreamSeq>);
static_assert(!std::is_constructible_v<StreamSeq, Offset>);
static_assert(!std::is_convertible_v<std::int64_t, Offset>);

TEST(IdsTest, NeighboursOfAnOffset) {
  EXPECT_EQ(Next(Offset(-1)), Offset(0));
  EXPECT_EQ(Before(Offset(0)), Offset(-1));
  EXPECT_LT(Offset(9), Offset(10));
}

TEST(IdsTest, OriginsOfAnotherGenerationAreOthers) {
  const Origin origin{.source_id = "orders", .topic = "events", .partition = 3};
  Origin again = origin;
  again.generation = 1;
  EXPECT_NE(origin, again);
  again = origin;
  again.incarnation = 1;
  EXPECT_NE(origin, again);
  EXPECT_EQ(ToText(origin), "orders/events/3");
}

TEST(DeadLetterTest, EachReasonHasItsName) {
  EXPECT_EQ(ToText(DeadLetterReason::kParseError), "parse_error");
  EXPECT_EQ(ToText(DeadLetterReason::kKeyMissing), "key_missing");
  for (std::size_t i = 0; i < kDeadLetterReasons; ++i) {
    EXPECT_FALSE(ToText(static_cast<DeadLetterReason>(i)).empty());
  }
}

}  // namespace
}  // namespace penstock
