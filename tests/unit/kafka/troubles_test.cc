#include "kafka/troubles.h"

#include <gtest/gtest.h>

#include "kafka/bearer_token.h"

namespace penstock::kafka {
namespace {

class ManualClock final : public Clock {
 public:
  Time Now() const override { return now_; }
  std::int64_t WallMs() const override { return 1'000'000; }
  void Advance(Duration by) { now_ += by; }

 private:
  Time now_{};
};

Error Trouble(std::string_view code, std::string detail) {
  return {Remedy::kRetry, code, std::move(detail)};
}

TEST(Troubles, AreToldAtOnceAndAgainWhileTheyLast) {
  ManualClock clock;
  Troubles troubles(clock);
  EXPECT_TRUE(troubles.IsNews(Trouble("a", "words")));
  EXPECT_FALSE(troubles.IsNews(Trouble("a", "words")));
  EXPECT_TRUE(troubles.IsNews(Trouble("b", "words"))) << "another kind";
  EXPECT_FALSE(troubles.IsNews(Trouble("a", "other words"))) << "within a second";
  clock.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(troubles.IsNews(Trouble("a", "other words")));
  clock.Advance(std::chrono::seconds(9));
  EXPECT_FALSE(troubles.IsNews(Trouble("a", "other words")));
  clock.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(troubles.IsNews(Trouble("a", "other words")));
}

TEST(TokenEnd, IsWhatTheTokenSays) {
  const ManualClock clock;
  // {"alg":"none"} . {"sub":"x", "exp": 1767225600} . signature
  EXPECT_EQ(TokenEndMs("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwgImV4cCI6IDE3NjcyMjU2MDB9.c2ln", clock),
            1'767'225'600'000);
  EXPECT_GT(TokenEndMs("opaque", clock), clock.WallMs() + 86'400'000LL * 300);
  EXPECT_GT(TokenEndMs("a.!!!.b", clock), clock.WallMs());
}

}  // namespace
}  // namespace penstock::kafka
