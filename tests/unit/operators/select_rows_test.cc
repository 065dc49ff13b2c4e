#include "operators/select_rows.h"

#include <random>

#include <gtest/gtest.h>

#include "batch_fixture.h"

namespace penstock::operators {
namespace {

TEST(SelectRowsTest, LawTwoHalvesSayWhatTheWholeSaid) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 500; ++i) {
    const Batch whole = RandomBatch(random);
    if (whole.rows() < 2) continue;
    const auto [first, second] = Halve(whole);
    EXPECT_EQ(first.rows(), whole.rows() / 2);
    EXPECT_EQ(Told({&whole}), Told({&first, &second}));
    // A section that is cut goes on where it was cut.
    const Section& cut = first.sections.back();
    const Section& next = second.sections.front();
    if (first.sections.size() + second.sections.size() > whole.sections.size()) {
      EXPECT_EQ(cut.origin, next.origin);
      EXPECT_EQ(cut.last, next.after);
      EXPECT_EQ(cut.clock_ms, std::nullopt) << "the clock is of the end";
      EXPECT_EQ(next.clock_ms, whole.sections.at(first.sections.size() - 1).clock_ms);
    }
    EXPECT_EQ(second.sections.back().last, whole.sections.back().last);
  }
}

}  // namespace
}  // namespace penstock::operators
