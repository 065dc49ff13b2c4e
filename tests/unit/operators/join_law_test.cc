#include <cstdlib>
#include <limits>

#include <gtest/gtest.h>

#include "join_world.h"

namespace penstock::operators {
namespace {

// What the join must do, with lists and maps, and without turns: whether a left row has a partner
// does not depend on who came first.
class Model {
 public:
  Model(const JoinPlan& plan)
      : left_window_(plan.left.window / std::chrono::milliseconds(1)),
        right_window_(plan.right.window / std::chrono::milliseconds(1)) {}

  struct Seen {
    JoinRow row;
    std::int64_t seen_ms = 0;
  };
  static std::vector<Seen> RowsOf(const JoinStream& stream) {
    std::vector<Seen> rows;
    std::map<Origin, std::pair<Offset, std::int64_t>> origins;  // Last offset, clock.
    std::int64_t time = std::numeric_limits<std::int64_t>::min();
    for (const JoinMessage& message : stream.messages()) {
      const Section& section = message.sections.at(0);
      const auto known = origins.find(section.origin);
      if (known == origins.end() || section.after >= known->second.first) {
        for (const JoinRow& row : message.rows) {
          rows.push_back({row, std::max(row.time_ms, time)});
        }
      }
      auto& [last, clock] = origins.try_emplace(section.origin, Offset(-1), 0).first->second;
      last = std::max(last, section.last);
      clock = std::max(clock, *section.clock_ms);
      std::int64_t least = std::numeric_limits<std::int64_t>::max();
      for (const auto& [origin, state] : origins) least = std::min(least, state.second);
      time = std::max(time, least);
    }
    return rows;
  }
  bool GoTogether(const Seen& left, const Seen& right) const {
    return left.row.key == right.row.key && left.seen_ms <= right.row.time_ms + right_window_ &&
           right.seen_ms <= left.row.time_ms + left_window_;
  }

 private:
  std::int64_t left_window_;
  std::int64_t right_window_;
};

std::vector<JoinRow> RandomRows(std::mt19937_64& random, std::string_view side, int& names,
                                std::int64_t now_ms) {
  std::vector<JoinRow> rows;
  for (std::uint64_t i = random() % 4; i > 0; --i) {
    std::int64_t time = now_ms + static_cast<std::int64_t>(random() % 40);
    if (random() % 10 == 0) time -= static_cast<std::int64_t>(random() % 400);
    rows.push_back({fmt::format("k{}", random() % 6), fmt::format("{}{}", side, names++), time});
  }
  return rows;
}

void RandomMessage(std::mt19937_64& random, JoinStream& stream, std::string_view side, int& names,
                   std::int64_t now_ms) {
  if (stream.last() > 0 && random() % 8 == 0) return stream.Repeat(random() % stream.last());
  const auto partition = static_cast<std::int32_t>(random() % 3);
  if (random() % 6 == 0) return stream.Add(partition, {}, now_ms);
  stream.Add(partition, RandomRows(random, side, names, now_ms));
}

// One owner after another dies, with its disk, with an older copy of it, or with none; outputs go
// in parts; the two sides take turns at random.
void RandomTurn(std::mt19937_64& random, JoinWorld& world) {
  if (random() % 8 == 0) world.die_after_steps = 1 + random() % 2;
  const auto end = [&] {
    switch (random() % 12) {
      case 0:
        return JoinWorld::End::kDiesBeforePublish;
      case 1:
        return JoinWorld::End::kDiesBeforeCommit;
      default:
        return JoinWorld::End::kDone;
    }
  };
  switch (random() % 16) {
    case 0:
      ASSERT_TRUE(world.store.Reset().ok());
      return world.Restart();
    case 1:
      world.store.Rewind(world.store.writes() - random() % (world.store.writes() + 1));
      return world.Restart();
    case 2:
      world.TakeUnmatched(end());
      return;
    default:
      world.Take(random() % 2 == 0 ? world.left : world.right, end());
      while (random() % 3 != 0 && world.TakeUnmatched(end())) {
      }
  }
}

void ExpectAsTheModel(const JoinPlan& plan, const JoinWorld& world) {
  const Model model(plan);
  const auto lefts = Model::RowsOf(world.left);
  const auto rights = Model::RowsOf(world.right);
  std::map<std::string, std::vector<std::optional<std::string>>> sent;
  for (const Joined& joined : world.joined()) sent[joined.left].push_back(joined.right);
  for (const Model::Seen& left : lefts) {
    SCOPED_TRACE(left.row.name);
    std::set<std::string> partners;
    for (const Model::Seen& right : rights) {
      if (model.GoTogether(left, right)) partners.insert(right.row.name);
    }
    const auto& times = sent[left.row.name];
    if (partners.empty() && !plan.sends_unmatched) {
      EXPECT_EQ(times.size(), 0U);
      continue;
    }
    ASSERT_EQ(times.size(), 1U) << "sent once";
    ASSERT_EQ(times[0].has_value(), !partners.empty());
    if (times[0]) {
      EXPECT_TRUE(partners.contains(*times[0])) << *times[0];
    }
  }
  std::size_t known = 0;
  for (const Model::Seen& left : lefts) known += sent.count(left.row.name);
  EXPECT_EQ(known, sent.size()) << "rows that nobody wrote";
}

TEST(JoinLawTest, AgreesWithTheModelWhateverDies) {
  const char* const wanted = std::getenv("PENSTOCK_JOIN_SEEDS");
  const unsigned seeds = wanted == nullptr ? 1000 : static_cast<unsigned>(std::atoi(wanted));
  for (unsigned seed = 0; seed < seeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    const auto window = [&] { return static_cast<std::int64_t>(20 + random() % 300); };
    const std::int64_t left_window = window();
    const JoinPlan plan = NamesPlan(left_window, window(), seed % 2 == 0);
    JoinWorld world(plan);
    int names = 0;
    std::int64_t left_now = 1000;
    std::int64_t right_now = 1000;
    for (int turn = 0; turn < 60; ++turn) {
      left_now += static_cast<std::int64_t>(random() % 30);
      right_now += static_cast<std::int64_t>(random() % 30);
      if (random() % 2 == 0) RandomMessage(random, world.left, "l", names, left_now);
      if (random() % 2 == 0) RandomMessage(random, world.right, "r", names, right_now);
      for (std::uint64_t i = random() % 4; i > 0; --i) RandomTurn(random, world);
    }
    // In the end every window is over.
    for (std::int32_t partition = 0; partition < 3; ++partition) {
      world.left.Add(partition, {}, 1'000'000);
      world.right.Add(partition, {}, 1'000'000);
    }
    world.die_after_steps = 0;
    world.TakeAll();
    ExpectAsTheModel(plan, world);
  }
}

}  // namespace
}  // namespace penstock::operators
