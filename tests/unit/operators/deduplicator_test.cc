#include <map>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "batch_fixture.h"
#include "state/memory_key_store.h"

namespace penstock::operators {
namespace {

constexpr std::int64_t kWindowMs = 10'000;

TransformPlan DedupPlan() {
  TransformPlan plan = PeoplePlan();
  plan.dedup_key = {"id"};
  plan.dedup_window = std::chrono::milliseconds(kWindowMs);
  return plan;
}

class Dedup {
 public:
  Dedup() : transform_(BatchTransform::Make(DedupPlan(), &store_).value()) {}

  /// What becomes of the records, and the new first rows are remembered.
  std::string Take(People& people) {
    EXPECT_TRUE(transform_.Apply(people.Input(), output_).ok());
    EXPECT_TRUE(store_.Add(output_.first_rows, {1, StreamSeq(++seq_), 0}).ok());
    return Outcomes(output_.batch.sections);
  }
  state::MemoryKeyStore& store() { return store_; }

 private:
  state::MemoryKeyStore store_;
  BatchTransform transform_;
  BatchTransform::Output output_;
  std::uint64_t seq_ = 0;
};

TEST(DeduplicatorTest, TheFirstOfEachKeyOverPartitionsAndMessages) {
  Dedup dedup;
  People first;
  first.Row(0, 0, 0, 123, "a").Row(0, 1, 0, 456, "b").Row(1, 0, 0, 789, "c").Row(2, 0, 0, 789, "d");
  EXPECT_EQ(dedup.Take(first), "rrrd");
  People second;
  second.Row(2, 1, 0, 123, "e").Row(2, 2, 0, 124, "f");
  EXPECT_EQ(dedup.Take(second), "dr");
}

TEST(DeduplicatorTest, ForgetsAfterTheWindowAndNotBefore) {
  Dedup dedup;
  People people;
  people.Row(0, 0, 50'000, 1, "").Row(0, 1, 50'000 + kWindowMs - 1, 1, "");
  people.Row(0, 2, 50'000 + kWindowMs, 1, "").Row(0, 3, 50'000 + 2 * kWindowMs - 1, 1, "");
  EXPECT_EQ(dedup.Take(people), "rdrd");
}

// A partition that is an hour behind has windows of its own.
TEST(DeduplicatorTest, TimeIsKafkasWhateverTheOrderOfArrival) {
  Dedup dedup;
  People now;
  now.Row(0, 0, 3'600'000, 1, "");
  EXPECT_EQ(dedup.Take(now), "r");
  People behind;
  behind.Row(1, 0, 0, 1, "").Row(1, 1, 9'999, 1, "").Row(1, 2, 3'600'000 - 5'000, 1, "");
  EXPECT_EQ(dedup.Take(behind), "rdd");
}

TEST(DeduplicatorTest, AReplayedFirstRowPassesAndAReplayedDuplicateDoesNot) {
  Dedup dedup;
  People people;
  people.Row(0, 0, 0, 1, "").Row(0, 1, 5, 1, "").Row(1, 0, 9, 1, "").Row(1, 1, 50'000, 1, "");
  EXPECT_EQ(dedup.Take(people), "rddr");
  EXPECT_EQ(dedup.Take(people), "rddr");
  EXPECT_EQ(dedup.store().stats().rows, 2U);
}

TEST(DeduplicatorTest, AKeyOfSeveralFieldsDoesNotRunTogether) {
  TransformPlan plan = DedupPlan();
  plan.dedup_key = {"name", "id"};
  state::MemoryKeyStore store;
  auto transform = BatchTransform::Make(plan, &store).value();
  People people;
  people.Row(0, 0, 0, 1, "a").Row(0, 1, 0, 2, "a").Row(0, 2, 0, 1, "b").Row(0, 3, 0, 1, "a");
  BatchTransform::Output output;
  ASSERT_TRUE(transform.Apply(people.Input(), output).ok());
  EXPECT_EQ(Outcomes(output.batch.sections), "rrrd");
}

// Against the definition, row by row, with messages that come again at any time.
TEST(DeduplicatorTest, LawEveryRowIsAsTheDefinitionSays) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(fmt::format("seed={}", seed));
    std::mt19937_64 random(seed);
    struct First {
      std::pair<std::int32_t, std::int64_t> id;
      std::int64_t time;
    };
    std::map<std::int64_t, std::vector<First>> firsts;
    Dedup dedup;
    std::int64_t next[3] = {0, 0, 0};
    std::vector<People> sent;
    std::vector<std::vector<std::array<std::int64_t, 4>>> rows;
    for (int message = 0; message < 40; ++message) {
      std::size_t which = sent.size();
      if (!sent.empty() && random() % 3 == 0) {
        which = random() % sent.size();
      } else {
        auto& made = sent.emplace_back();
        auto& of = rows.emplace_back();
        const std::size_t count = random() % 40;
        auto partition = static_cast<std::int32_t>(random() % 3);
        for (std::size_t i = 0; i < count; ++i) {
          if (random() % 8 == 0) partition = static_cast<std::int32_t>(random() % 3);
          const auto key = static_cast<std::int64_t>(random() % 20);
          const std::int64_t offset = next[partition]++;
          const auto time = static_cast<std::int64_t>(random() % 60'000) + 300 * message;
          made.Row(partition, offset, time, key, "");
          of.push_back({partition, offset, time, key});
        }
      }
      std::string expected;
      for (const auto& [partition, offset, time, key] : rows[which]) {
        bool replayed = false;
        bool repeated = false;
        for (const First& first : firsts[key]) {
          replayed |= first.id == std::pair(static_cast<std::int32_t>(partition), offset);
          repeated |= std::abs(first.time - time) < kWindowMs;
        }
        if (!replayed && !repeated) {
          firsts[key].push_back({{static_cast<std::int32_t>(partition), offset}, time});
        }
        expected += !replayed && repeated ? 'd' : 'r';
      }
      EXPECT_EQ(dedup.Take(sent[which]), expected);
    }
  }
}

}  // namespace
}  // namespace penstock::operators
