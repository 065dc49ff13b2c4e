#include "operators/retention.h"

#include <gtest/gtest.h>

#include "batch_fixture.h"

namespace penstock::operators {
namespace {

constexpr std::int64_t kWindowMs = 10'000;

struct Message {
  std::int32_t partition;
  std::int64_t offset;
  std::int64_t time;
  std::int64_t committed;
};

void Take(Retention& retention, const Message& message, std::int64_t created_ms) {
  Section section;
  section.origin = OriginOf(message.partition);
  section.after = Offset(message.offset - 1);
  section.committed = Offset(message.committed);
  section.Add(Offset(message.offset), Outcome::kRow);
  const std::int64_t times[] = {message.time};
  retention.Take({&section, 1}, times, created_ms);
}

TEST(RetentionTest, ARowIsNeededUntilWhatIsCommittedIsPastItsTimeAndTheWindow) {
  Retention retention{std::chrono::milliseconds(kWindowMs)};
  EXPECT_EQ(retention.ForgetBefore(), std::nullopt);
  Take(retention, {0, 5, 100'000, 0}, 1);
  EXPECT_EQ(retention.ForgetBefore(), std::nullopt) << "offset 5 may be read again";
  Take(retention, {0, 6, 200'000, 6}, 2);
  EXPECT_EQ(retention.ForgetBefore(), 100'000 - kWindowMs);
  Take(retention, {0, 7, 300'000, 8}, 3);
  EXPECT_EQ(retention.ForgetBefore(), 300'000 - kWindowMs);
}

TEST(RetentionTest, TheOriginThatIsFurthestBehindDecides) {
  Retention retention{std::chrono::milliseconds(kWindowMs)};
  Take(retention, {0, 1, 7'200'000, 2}, 1);
  Take(retention, {1, 1, 3'600'000, 2}, 2);
  EXPECT_EQ(retention.ForgetBefore(), 3'600'000 - kWindowMs);
}

TEST(RetentionTest, AnIdleOriginHoldsNothingBack) {
  Retention retention{std::chrono::milliseconds(kWindowMs)};
  Take(retention, {1, 1, 50'000, 2}, 0);
  Take(retention, {0, 1, 900'000, 2}, Retention::kIdleAfterMs);
  EXPECT_EQ(retention.ForgetBefore(), 50'000 - kWindowMs);
  Take(retention, {0, 2, 900'000, 3}, Retention::kIdleAfterMs + 1);
  EXPECT_EQ(retention.ForgetBefore(), 900'000 - kWindowMs);
}

// In front of a join every origin is heard of each second, by its clock alone.
TEST(RetentionTest, AnOriginThatOnlyTellsItsClockIsIdle) {
  Retention retention{std::chrono::milliseconds(kWindowMs)};
  const auto tell_clock = [&](std::int32_t partition, std::int64_t committed, std::int64_t now) {
    Section section;
    section.origin = OriginOf(partition);
    section.after = section.last = Offset(1);
    section.committed = Offset(committed);
    section.clock_ms = now;
    retention.Take({&section, 1}, {}, now);
  };
  Take(retention, {0, 1, 900'000, 0}, 1);
  tell_clock(5, 0, 2);
  EXPECT_EQ(retention.ForgetBefore(), std::nullopt);
  tell_clock(0, 2, 3);
  EXPECT_EQ(retention.ForgetBefore(), 900'000 - kWindowMs) << "partition 5 has nothing";
  Take(retention, {1, 1, 2'000'000, 2}, 4);
  tell_clock(0, 2, 5 + Retention::kIdleAfterMs);
  Take(retention, {1, 2, 2'000'000, 3}, 5 + Retention::kIdleAfterMs);
  EXPECT_EQ(retention.ForgetBefore(), 2'000'000 - kWindowMs);
}

// After a restart: an origin that is only slow must not lose its window.
TEST(RetentionTest, AnExpectedOriginHoldsBackUntilItIsSeenOrIdle) {
  Retention retention{std::chrono::milliseconds(kWindowMs)};
  retention.Expect(OriginOf(1));
  EXPECT_EQ(retention.ForgetBefore(), std::nullopt);
  Take(retention, {0, 1, 900'000, 2}, 10);
  EXPECT_EQ(retention.ForgetBefore(), std::nullopt);
  Take(retention, {0, 2, 900'000, 3}, 11 + Retention::kIdleAfterMs);
  EXPECT_EQ(retention.ForgetBefore(), 900'000 - kWindowMs);
}

// However far behind the commit is, memory is bounded, nothing is forgotten too early, and what is
// to be forgotten goes on growing.
TEST(RetentionTest, ALongWayToTheCommitIsRememberedCoarsely) {
  constexpr std::int64_t kLag = 3000;
  Retention retention{std::chrono::milliseconds(kWindowMs)};
  std::int64_t before = std::numeric_limits<std::int64_t>::min();
  std::int64_t steps = 0;
  for (std::int64_t i = 0; i < 10'000; ++i) {
    const std::int64_t committed = std::max<std::int64_t>(0, i - kLag);
    Take(retention, {0, i, i * 1000, committed}, i);
    const auto forget = retention.ForgetBefore();
    if (!forget || *forget == before) continue;
    EXPECT_LE(*forget, (committed - 1) * 1000 - kWindowMs) << committed;
    EXPECT_GT(*forget, before);
    before = *forget;
    ++steps;
  }
  EXPECT_GE(before, (10'000 - 2 * kLag) * 1000 - kWindowMs);
  EXPECT_GT(steps, 100);
}

}  // namespace
}  // namespace penstock::operators
