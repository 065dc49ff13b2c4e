#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingestor/build.h"

namespace penstock::ingestor {
namespace {

using ::testing::HasSubstr;

PipelineSpec With(std::initializer_list<const char*> ids) {
  PipelineSpec spec;
  for (const char* id : ids) spec.sources.emplace_back().source_id = id;
  return spec;
}

TEST(ChooseSourceTest, TheOnlySourceNeedsNoName) {
  EXPECT_EQ(ChooseSource(With({"orders"}), "").value(), 0U);
  EXPECT_EQ(ChooseSource(With({"orders"}), "orders").value(), 0U);
}

TEST(ChooseSourceTest, OfTwoOneIsNamed) {
  const PipelineSpec spec = With({"orders", "refunds"});
  EXPECT_EQ(ChooseSource(spec, "refunds").value(), 1U);
  for (const char* id : {"", "order"}) {
    const auto chosen = ChooseSource(spec, id);
    ASSERT_FALSE(chosen.ok());
    EXPECT_EQ(chosen.error().code, "usage");
    EXPECT_THAT(chosen.error().detail, HasSubstr("--source"));
    EXPECT_THAT(chosen.error().detail, HasSubstr("orders, refunds"));
  }
}

}  // namespace
}  // namespace penstock::ingestor
